import type { Guard } from '../guard.ts';

const SHARED_LOG = 'test/actors/shared-log.test.ts';
const SHARD = 'test/actors/shards/shard.test.ts';
const KEEPER = 'test/actors/shards/shard-keeper.test.ts';

/** What keeps an instrument right whose log is read by others, and moves from node to node with its shard. */
export const sharedLog: readonly Guard[] = [
  {
    holds: 1,
    name: 'A delivery that does not follow on the actor’s place in the shared log is not folded',
    file: 'src/actors/symbol.ts',
    text: 'if (logged !== undefined && logged.after !== context.batchNumber) {',
    without: 'if (logged !== undefined && logged.to <= context.batchNumber && logged.after < logged.to) {',
    tests: [{ file: SHARED_LOG, name: 'takes the delivery that follows on its place, and no other' }],
  },
  {
    holds: 1,
    name: 'A delivery that was meant for an actor’s life before is not folded',
    file: 'src/actors/symbol.ts',
    text: 'if (logged !== undefined && logged.life !== context.incarnation) return state;',
    without: '',
    tests: [{ file: SHARED_LOG, name: 'takes nothing that was meant for the life before' }],
  },
  {
    holds: 2,
    name: 'Nothing is published before the shared log was read to where it ended',
    file: 'src/actors/symbol.ts',
    text: 'if (!this.#isRecovering) this.#options.publications.publish(',
    without: 'this.#options.publications.publish(',
    tests: [{ file: SHARED_LOG, name: 'publishes nothing before it has caught up' }],
  },
  {
    holds: 2,
    name: 'An instrument has caught up when the log was read again to where it was, not when it had been once',
    file: 'src/actors/shards/shard.ts',
    text: 'if (this.#expectedOffset < catchUpTo || lane.firstOutstanding < catchUpTo) return;',
    without: 'if (this.#progress.readTo < catchUpTo || lane.firstOutstanding < catchUpTo) return;',
    tests: [{ file: SHARD, name: 'says that an instrument has caught up when the log was read again' }],
  },
  {
    holds: 4,
    name: 'The place of a shard in the log is saved under the fence',
    file: 'src/persistence/shard-positions.ts',
    text: 'greatest(next_position, $3) WHERE id = $1 AND epoch = $2`',
    without: 'greatest(next_position, $3) WHERE id = $1 AND $2::int IS NOT NULL`',
    tests: [
      {
        file: 'test/persistence/shard-positions.int.test.ts',
        name: 'is neither moved nor told under a claim that is not the newest',
      },
    ],
  },
  {
    holds: 4,
    name: 'A relay writes to the log only while its lease is held',
    file: 'src/actors/ingest/relay.ts',
    text: 'if (!isHeld()) return false;',
    without: '',
    tests: [{ file: 'test/actors/ingest/relay.test.ts', name: 'writes nothing while its lease is not held' }],
  },
  {
    holds: 4,
    name: 'Who can not read a shard’s log does not claim it',
    file: 'src/actors/shards/shard-keeper.ts',
    text: 'this.#given = new Set();\n    reader',
    without: 'reader',
    also: [
      {
        file: 'src/actors/shards/shard-keeper.ts',
        text: 'if (this.#reader === undefined || this.#held.get(shard) !== held)',
        without: 'if (this.#held.get(shard) !== held)',
      },
    ],
    tests: [{ file: KEEPER, name: 'claims nothing while it can read nothing' }],
  },
  {
    holds: 6,
    name: 'A shard that another node claimed while it began is begun again',
    file: 'src/actors/shards/shard-keeper.ts',
    text: "if (hasErrorCode(error, 'FENCED')) this.#lose(claim, held);",
    without: '',
    tests: [{ file: KEEPER, name: 'claims a shard again that another one claimed while it began' }],
  },
  {
    holds: 8,
    name: 'A book event of a source that is not followed any more is left out',
    file: 'src/market/decide.ts',
    text: 'if (!bookSources.counts(source, event)) continue;',
    without: '',
    tests: [
      {
        file: 'test/market/decide.test.ts',
        name: 'takes deltas of the one that it follows, and trades of both',
      },
    ],
  },
  {
    holds: 8,
    name: 'A book follows no source of a node whose lease another has taken',
    file: 'src/market/book-sources.ts',
    text: 'isAnnouncement(event) && epochOf(source) >= epochOf(followed);',
    without: 'isAnnouncement(event);',
    tests: [
      {
        file: 'test/market/book-sources.test.ts',
        name: 'is not one of a node whose lease another has taken, whatever it announces',
      },
    ],
  },
  {
    holds: 8,
    name: 'A book that comes to a node is stale where nothing new has been read of its feeds',
    file: 'src/actors/shards/shard.ts',
    text: 'if (silentMs >= this.#options.silentAfterMs)\n',
    without: 'if (silentMs === 0)\n',
    tests: [{ file: SHARD, name: 'says before that its feed is silent' }],
  },
  {
    holds: 'trades',
    name: 'What is being read again for one instrument is not left out for another',
    file: 'src/actors/shards/shard.ts',
    text: 'this.#readFrom(Math.min(offset, this.#expectedOffset ?? offset));',
    without: 'this.#readFrom(offset);',
    tests: [{ file: SHARD, name: 'reads what the first to fail lacks' }],
  },
  {
    holds: 'trades',
    name: 'What was dropped while an actor took nothing is read again',
    file: 'src/actors/shards/log-lane.ts',
    text: 'if (this.#isHoled) {\n',
    without: 'if (this.#place < 0) {\n',
    tests: [
      {
        file: 'test/actors/shards/log-lane.test.ts',
        name: 'has what it dropped while its actor took nothing read again',
      },
    ],
  },
];
