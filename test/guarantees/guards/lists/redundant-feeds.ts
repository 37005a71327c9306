import type { Guard } from '../guard.ts';

const STANDBY = 'test/market/standby-book.test.ts';
const REDUNDANT = 'test/market/redundant-books.test.ts';
const SHOWN = 'test/actors/shown-book.test.ts';
const LEASES = 'test/cluster/ingest-leases.test.ts';
const SHARED_LOG = 'test/actors/shared-log.test.ts';

/** What lets the loss of a node that feeds cost no gap where each instrument is fed twice, and no book be shown that is wrong. */
export const redundantFeeds: readonly Guard[] = [
  {
    holds: 8,
    name: 'The book of a second feed takes over the moment the one that is followed is not sure',
    file: 'src/market/standby-book.ts',
    text: "return followed.bookStatus.status !== 'live' || isSilent",
    without: 'return isSilent',
    tests: [
      { file: STANDBY, name: 'takes the place of one that is not sure any more by a wrong checksum' },
      { file: REDUNDANT, name: 'has no gap while only one of them is lost' },
    ],
  },
  {
    holds: 8,
    name: 'It takes over where the feed that is followed is silent by the clock of its own',
    file: 'src/market/standby-book.ts',
    text: '|| isSilent(standby.followedHeard) || isFollowedReplaced;',
    without: '|| isFollowedReplaced;',
    tests: [
      { file: STANDBY, name: 'takes the place of one whose feed has been silent for long' },
      { file: REDUNDANT, name: 'live while one of them is sound' },
    ],
  },
  {
    holds: 8,
    name: 'A book whose feed is silent takes nobody’s place',
    file: 'src/market/standby-book.ts',
    text: "if (standby.bookStatus.status !== 'live' || isSilent(standby.heard)) return false;",
    without: "if (standby.bookStatus.status !== 'live') return false;",
    tests: [{ file: STANDBY, name: 'takes no place while its own feed is silent' }],
  },
  {
    holds: 8,
    name: 'A feed that tells what is long past is not heard',
    file: 'src/market/standby-book.ts',
    text: 'if (own.toldMs < other.toldMs - FEED_SILENT_MS) return undefined;',
    without: '',
    tests: [
      { file: STANDBY, name: 'takes no place while it is behind the other one' },
      { file: STANDBY, name: 'takes the place of one that is behind it' },
    ],
  },
  {
    holds: 8,
    name: 'A feed whose book was kept no longer is asked for a fresh one when it comes back',
    file: 'src/market/standby-book.ts',
    text: 'return wasGone && !isAnnouncement(event) ? GONE_REASON : undefined;',
    without: 'return wasGone && isAnnouncement(event) ? GONE_REASON : undefined;',
    tests: [{ file: STANDBY, name: 'is fetched anew should that come back' }],
  },
  {
    holds: 'trades',
    name: 'A trade that one feed told counts once, though the other is so far behind that it is forgotten',
    file: 'src/market/evolve.ts',
    text: 'if (!isLongTold(state, event)) foldTrade(state, event, outputs);',
    without: 'foldTrade(state, event, outputs);',
    tests: [{ file: STANDBY, name: 'counts once, though so many came meanwhile that it is forgotten' }],
  },
  {
    holds: 8,
    name: 'A log that was torn is torn for both books',
    file: 'src/market/torn-log.ts',
    text: '...(standby === undefined ? [] : [bookSources.standby!]), ',
    without: '',
    tests: [
      { file: SHARED_LOG, name: 'shows no book of a second feed in place of the one whose log was torn' },
    ],
  },
  {
    holds: 8,
    name: 'A book of a node whose lease another has is not followed again',
    file: 'src/market/evolve.ts',
    text: '    if (isReplaced) replaceStandby(standby, event.receiveTimeMs);\n',
    without: '',
    tests: [{ file: STANDBY, name: 'takes the place of one whose lease another node has' }],
  },
  {
    holds: 8,
    name: 'What a second feed says is folded into the book of its own',
    file: 'src/market/evolve.ts',
    text: "side === 'standby' ? standby : state, event",
    without: 'state, event',
    tests: [
      { file: STANDBY, name: 'does not touch the one that is followed' },
      { file: REDUNDANT, name: 'is the exchange’s at its sequence' },
    ],
  },
  {
    holds: 8,
    name: 'A book is doubtful while the feed that it follows is silent and the other one is not sure',
    file: 'src/actors/shown-book.ts',
    text: 'const silence = this.#silentReason ?? followedSilence(state);',
    without: 'const silence = this.#silentReason;',
    tests: [{ file: SHOWN, name: 'is doubtful while the feed that it follows is silent' }],
  },
  {
    holds: 8,
    name: 'Only the feed that the book follows ends the doubt after a silence of all',
    file: 'src/actors/shown-book.ts',
    text: 'if (this.#silentReason !== undefined && bookSources.isOfFollowed(source)) this.#silentReason = undefined;',
    without: 'if (this.#silentReason !== undefined) this.#silentReason = undefined;',
    tests: [{ file: SHOWN, name: 'stays doubtful after all were silent' }],
  },
  {
    holds: 1,
    name: 'The book of a second feed is saved and read back with the state',
    file: 'src/market/instrument-state.ts',
    text: 'standby: standby && restoreStandby(standby),',
    without: 'standby: undefined,',
    tests: [{ file: REDUNDANT, name: 'wherever it was saved and read back' }],
  },
  {
    holds: 4,
    name: 'Two replicas of a slot are never with one node',
    file: 'src/cluster/fair-slots.ts',
    text: 'share.room > 0 && !share.hasReplicaOf(slot)',
    without: 'share.room > 0',
    tests: [{ file: 'test/cluster/fair-slots.test.ts', name: 'never leave two replicas with one node' }],
  },
  {
    holds: 8,
    name: 'A replica moves only while the other one has been fed for a while',
    file: 'src/cluster/ingest-leases.ts',
    text: 'if (this.#options.redundancy > 1) return this.#isSpare(held);',
    without: 'if (this.#options.redundancy > 1) return held.epoch > 0;',
    tests: [{ file: LEASES, name: 'move to a node that joins only once their other feed has been there' }],
  },
  {
    holds: 8,
    name: 'A slot that is fed once stays where it is until the feeds of its next holder have sure books, or for five seconds',
    file: 'src/cluster/ingest-leases.ts',
    text: 'if (ready !== undefined && (ready === heir.node || this.#isLeaving)) return true;',
    without: 'return true;',
    tests: [
      {
        file: 'test/cluster/slot-hand-over.test.ts',
        name: 'stay with their holder until the feeds of that one have sure books',
      },
    ],
  },
];
