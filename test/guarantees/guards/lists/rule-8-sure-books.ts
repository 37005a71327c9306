import type { Guard } from '../guard.ts';

/** A book that may be wrong is never shown as right. */
export const sureBooks: readonly Guard[] = [
  {
    holds: 8,
    name: 'A book is stale from a gap on',
    file: 'src/exchanges/book-sync.ts',
    text: "  #becomeStale(reason: string): void {\n    this.#phase = 'waiting';\n",
    without: '  #becomeStale(reason: string): void {\n',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'makes a book stale when a part of it could not be read',
      },
    ],
  },
  {
    holds: 8,
    name: 'A gap in the sequence is found',
    file: 'src/exchanges/book-sync.ts',
    text: "if (continuity.verdict === 'gap') {",
    without: "if (continuity.verdict === 'gap' && this.#last === undefined) {",
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'the book is never sure again before the next snapshot',
      },
    ],
  },
  {
    holds: 8,
    name: 'Checksums are compared',
    file: 'src/market/evolve.ts',
    text: 'if (was === expected) {',
    without: 'if (was === expected || true) {',
    tests: [{ file: 'test/market/evolve.test.ts', name: 'checksums' }],
  },
  {
    holds: 8,
    name: 'A crossed book is found',
    file: 'src/market/evolve.ts',
    text: '  if (book.isCrossed) {',
    without: '  if (book.isCrossed && policy.checksum !== undefined && expected === -1) {',
    tests: [
      { file: 'test/market/evolve.test.ts', name: 'a delta that crosses the book makes it stale' },
      { file: 'test/market/evolve.test.ts', name: 'a snapshot that is crossed in itself is no sure book' },
    ],
  },
  {
    holds: 8,
    name: 'Equal best prices are a crossed book',
    file: 'src/market/order-book.ts',
    text: 'bestBid >= bestAsk;',
    without: 'bestBid > bestAsk;',
    tests: [{ file: 'test/market/order-book.test.ts', name: 'equal best prices are a crossed book' }],
  },
  {
    holds: 8,
    name: 'Deltas on a book that is not sure are left out',
    file: 'src/market/evolve.ts',
    text: "  if (status !== 'live' && !isFollowing) {\n    counters.deltasIgnoredWhileStale++;\n    return;\n  }\n",
    without: '',
    tests: [{ file: 'test/market/instrument-state.test.ts', name: 'the book is live only since a snapshot' }],
  },
  {
    holds: 8,
    name: 'A book that was handed over is not live before it has come as far as it was shown',
    file: 'src/market/evolve.ts',
    text: 'if (isFirst && isBehind(track, event))',
    without: 'if (isFirst && event.receiveTimeMs < 0)',
    tests: [{ file: 'test/market/handed-over-book.test.ts', name: 'is not shown live as it was before' }],
  },
  {
    holds: 8,
    name: 'A feed that says it is not connected makes the book stale',
    file: 'src/market/evolve.ts',
    text: '      markStale(track, event.reason, event.receiveTimeMs, track.lastBookEvent, outputs);\n',
    without: '',
    tests: [
      { file: 'test/market/instrument-state.test.ts', name: 'the book is live only since a snapshot' },
      { file: 'test/actors/connection.test.ts', name: 'says that the book is stale when its socket is lost' },
    ],
  },
  {
    holds: 8,
    name: 'A book event that was refused leaves a stale book, not one with a hole',
    file: 'src/market/decide.ts',
    text: '      accepted.push(toStaleStatus(event.receiveTimeMs, resyncReason));\n',
    without: '',
    tests: [
      {
        file: 'test/market/decide.test.ts',
        name: 'a rejected book event leaves a stale book, not one with a hole',
      },
    ],
  },
  {
    holds: 8,
    name: 'A book event that was given up leaves its hole in the log',
    file: 'src/actors/delivery.ts',
    text: 'this.#send({ ...batch, events: [toStaleStatus(event, `its actor failed on it twice: ${cause}`)] });',
    without: 'this.#sendNext();',
    tests: [{ file: 'test/actors/delivery.test.ts', name: 'puts ' }],
  },
  {
    holds: 8,
    name: 'A recovered book is not shown as live before its feed has spoken',
    file: 'src/actors/recovered-book.ts',
    text: "this.#isUnsure = state.bookStatus.status === 'live';",
    without: 'this.#isUnsure = false;',
    tests: [
      {
        file: 'test/actors/symbol.test.ts',
        name: 'shows a recovered book as stale until its own feed has spoken',
      },
    ],
  },
  {
    holds: 8,
    name: 'Somebody else who speaks does not make a recovered book sure',
    file: 'src/actors/recovered-book.ts',
    text: "    if (!goesOn && !this.#sourcesHeard.has(source)) return 'unsure';\n",
    without: '',
    tests: [
      {
        file: 'test/actors/symbol.test.ts',
        name: 'shows a recovered book as stale until its own feed has spoken',
      },
    ],
  },
  {
    holds: 8,
    name: 'What waited while an instrument was away does not make its book sure',
    file: 'src/actors/recovered-book.ts',
    text: "    if (!this.#isOfThisLife(entry, clock)) return 'unsure';\n",
    without: '',
    tests: [
      { file: 'test/actors/stale-watch.test.ts', name: 'what waited since does not make its book live' },
      { file: 'test/actors/recovered-book.test.ts', name: 'what its feed sent before the actor was back' },
    ],
  },
  {
    holds: 8,
    name: 'A feed of trades that goes on does not make a recovered book sure',
    file: 'src/actors/recovered-book.ts',
    text: ' && this.#bookSources.has(source);',
    without: ';',
    tests: [{ file: 'test/actors/recovered-book.test.ts', name: 'a feed of trades that goes on' }],
  },
  {
    holds: 8,
    name: 'A book whose feed goes on where it was left has no gap',
    file: 'src/actors/symbol.ts',
    text: "    if (hearing === 'missedNothing') this.#gaps.missedNothing();\n",
    without: '',
    tests: [
      {
        file: 'test/actors/symbol.test.ts',
        name: 'goes on with a recovered book whose feed goes on where it was left',
      },
    ],
  },
  {
    holds: 8,
    name: 'The last word of a stopped instrument is that its book is stale',
    file: 'src/actors/symbol.ts',
    text: "status.status === 'live' ? { status: 'stale', reason: 'the instrument was stopped' } : status;",
    without: 'status;',
    tests: [
      {
        file: 'test/actors/symbol.test.ts',
        name: 'says at its end that nobody knows any more whether the book is right',
      },
    ],
  },
  {
    holds: 8,
    name: 'A part of a book that could not be read makes it stale',
    file: 'src/exchanges/feed-session.ts',
    text: '    } else if (damagesBook) {',
    without: '    } else if (damagesBook && !wouldShow) {',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'makes a book stale when a part of it could not be read',
      },
    ],
  },
  {
    holds: 8,
    name: 'A gap of the connection makes all its books stale',
    file: 'src/exchanges/feed-session.ts',
    text: '    this.#loseAllBooks(reason, { isConnectionReplaced: true });\n',
    without: '',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'makes every book stale at a gap, before what the frame holds',
      },
    ],
  },
  {
    holds: 8,
    name: 'A connection that fell silent is replaced',
    file: 'src/exchanges/feed-session.ts',
    text: 'if (nowMs - lastSoundMs > this.#adapter.deadAfterMs) {',
    without: 'if (nowMs - lastSoundMs > Infinity) {',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'asks for another connection once when this one falls silent',
      },
    ],
  },
  {
    holds: 8,
    name: 'A half-open connection is found by a ping that nobody answers',
    file: 'src/actors/line-probe.ts',
    text: "nowMs - this.#askedMs >= ANSWER_WITHIN_MS ? 'dead' : undefined",
    without: "nowMs - this.#askedMs >= Infinity ? 'dead' : undefined",
    tests: [
      {
        file: 'test/actors/line-probe.test.ts',
        name: 'asks a side that fell silent, and calls it dead when it does not answer',
      },
    ],
  },
  {
    holds: 8,
    name: 'A status is never given up as poison',
    file: 'src/actors/delivery.ts',
    text: " || event.type === 'FeedStatus') {",
    without: ') {',
    tests: [
      {
        file: 'test/actors/delivery.test.ts',
        name: 'never gives up a status, for it may say that there is a hole before the next delta',
      },
    ],
  },
  {
    holds: 8,
    name: 'Silence before the first answer to a ping counts too',
    file: 'src/actors/line-probe.ts',
    text: ">= FIRST_ANSWER_WITHIN_MS ? 'dead' : undefined",
    without: ">= Infinity ? 'dead' : undefined",
    tests: [
      {
        file: 'test/actors/line-probe.test.ts',
        name: 'gives a side that has not answered yet more time, then calls its silence dead',
      },
    ],
  },
  {
    holds: 8,
    name: 'A recovered book is marked where subscribers hold it, before its feed has spoken',
    file: 'src/actors/symbol-publications.ts',
    text: '    this.markStale(status.reason);\n    this.changes.book = this.changes.ticker',
    without: '    this.changes.book = this.changes.ticker',
    tests: [{ file: 'test/actors/symbol.test.ts', name: 'only marks a recovered book' }],
  },
  {
    holds: 8,
    name: 'An update with more digits than known so far goes to the parser, which grows what the checksum is over',
    file: 'src/exchanges/frame-cursor.ts',
    text: 'if (decimals === 0 || decimals > decimalsMax) return NaN;',
    without: 'if (decimals === 0) return NaN;',
    tests: [{ file: 'test/exchanges/direct-reading.test.ts', name: 'frames as the parser does' }],
  },
  {
    holds: 8,
    name: 'Readers of the stream see marks from outside as those of Redis do',
    file: 'src/publishing/shared-publisher.ts',
    text: '    this.#listener.markStale(marks);\n',
    without: '',
    tests: [{ file: 'test/admin/gateway/gateway.test.ts', name: 'is marked for readers as it is in Redis' }],
  },
  {
    holds: 8,
    name: 'The dashboard shows no book as live that the stream is in doubt of',
    file: 'web/src/parts/trust.ts',
    text: "  if (doubt !== undefined) return { level: 'stale', reason: doubt };\n",
    without: '',
    tests: [{ file: 'test/web/pages.test.ts', name: 'is there only where everything says so' }],
  },
  {
    holds: 8,
    name: 'The dashboard takes no older word on a book for a newer one',
    file: 'web/src/overview/market-rows.ts',
    text: 'before.position > market.position',
    without: 'before.position > Infinity',
    tests: [{ file: 'test/web/market-rows.test.ts', name: 'is newer than the next list' }],
  },
];
