import type { Guard } from '../guard.ts';

const CATCH_UP = 'src/exchanges/trade-catch-up.ts';
const TIMED = 'src/exchanges/timed-trades.ts';
const catchUp = 'test/exchanges/trade-catch-up.test.ts';
const connection = 'test/actors/trade-catch-ups.test.ts';

/** Every trade counts once; what is missing is fetched, and declared where it can't be had. */
export const wholeTrades: readonly Guard[] = [
  {
    holds: 'trades',
    name: 'Past trades of a quiet symbol are asked for only once it is subscribed',
    file: 'src/exchanges/trade-catch-up.ts',
    text: 'this.#isSubscribed ? now.monotonicMs + this.#limits.quietMs : Infinity',
    without: 'now.monotonicMs + this.#limits.quietMs',
    tests: [
      { file: 'test/exchanges/trade-catch-up.test.ts', name: 'only once it is subscribed for a while' },
      { file: 'test/actors/trade-catch-ups.test.ts', name: 'only after it was subscribed' },
    ],
  },
  {
    holds: 'trades',
    name: 'What was suspected before a cut is fetched with what was missed by it',
    file: CATCH_UP,
    text: '    if (this.#lookedInto?.after === undefined) this.#lookedInto = this.#suspicion ?? this.#lookedInto;\n    this.#suspicion = undefined;\n',
    without:
      "    if (this.#phase === 'live') { this.#lookedInto = this.#suspicion; this.#suspicion = undefined; }\n",
    tests: [{ file: catchUp, name: 'are fetched with those of the absence, and none of them counts twice' }],
  },
  {
    holds: 'trades',
    name: 'A hole reaches back to the frame that could not be read',
    file: CATCH_UP,
    text: 'return suspected !== undefined && suspected.eventTimeMs < start.eventTimeMs ? suspected : start;',
    without: 'return suspected !== undefined && suspected.eventTimeMs < 0 ? suspected : start;',
    tests: [
      {
        file: catchUp,
        name: 'are declared from before the frame that could not be read, though the connection was cut later',
      },
    ],
  },
  {
    holds: 'trades',
    name: 'A gap is declared from before the frame that could not be read',
    file: CATCH_UP,
    text: '      this.#lookedInto?.fromMs ?? wallMs,\n',
    without: '',
    tests: [
      {
        file: catchUp,
        name: 'are declared from before the frame that could not be read, though the connection was cut later',
      },
    ],
  },
  {
    holds: 'trades',
    name: 'A process that starts looks back before the newest trade that is known',
    file: CATCH_UP,
    text: 'this.#hasBeenLive ? 0 : RESTART_OVERLAP_MS',
    without: 'this.#hasBeenLive ? 0 : 0 * RESTART_OVERLAP_MS',
    tests: [{ file: catchUp, name: 'are fetched from a little before the newest one' }],
  },
  {
    holds: 'trades',
    name: 'Looking back does not end with the newest trade that is known',
    file: TIMED,
    text: 'return !hasOverlap || live[0]!.eventTimeMs <= this.#from!.eventTimeMs;',
    without: 'return !hasOverlap || live[0]!.eventTimeMs > 0;',
    tests: [{ file: catchUp, name: 'are fetched from a little before the newest one' }],
  },
  {
    holds: 'trades',
    name: 'No more trades are given once more than the instrument remembers',
    file: TIMED,
    text: 'return count <= OVERLAP_TRADES_MAX;',
    without: 'return count >= 0 * OVERLAP_TRADES_MAX;',
    tests: [
      { file: catchUp, name: 'are left out and declared where they are more than an instrument surely' },
    ],
  },
  {
    holds: 'trades',
    name: 'What was left out because it is too much is declared',
    file: TIMED,
    text: "return this.#isOverlapSafe() ? 'filled' : 'crowded';",
    without: "return this.#isOverlapSafe() ? 'filled' : 'filled';",
    tests: [
      { file: catchUp, name: 'are left out and declared where they are more than an instrument surely' },
    ],
  },
  {
    holds: 'trades',
    name: 'An absurd trade number hides no later hole',
    file: 'src/exchanges/trade-numbering.ts',
    text: '  if (step >= 0) return step <=',
    without: '  if (step >= 0) return step > -1 || step <=',
    tests: [
      { file: catchUp, name: 'is declared, and the next hole is found as if it had not come' },
      { file: catchUp, name: 'are had, or declared as missing, with numbers that are lies' },
    ],
  },
  {
    holds: 'trades',
    name: 'Numbers that begin anew far below are a new count, in which holes show',
    file: 'src/exchanges/trade-numbering.ts',
    text: '  if (step < -JUMP_MAX) return false;\n  return laterMs <= (step < -NEIGHBOURS_MAX ? 0 : NEIGHBOURS_MS);',
    without: '  return true;',
    tests: [
      { file: catchUp, name: 'below that others follow on is a new count, in which holes are found' },
      { file: catchUp, name: 'are had, or declared as missing, with numbers that are counted anew' },
    ],
  },
  {
    holds: 'trades',
    name: 'A hole with an absurd number in it is not declared filled',
    file: CATCH_UP,
    text: "this.#doubt === undefined ? 'refetched' : 'incomplete'",
    without: "'refetched'",
    tests: [
      {
        file: catchUp,
        name: 'inside a hole makes it incomplete, though all that the exchange knows was fetched',
      },
    ],
  },
  {
    holds: 'trades',
    name: 'An absurd id that an instrument has is not asked behind',
    file: 'src/exchanges/numbered-trades.ts',
    text: 'isNeighbour(latest, greatest))) return newest;',
    without: 'greatest > -1)) return newest;',
    tests: [{ file: catchUp, name: 'that the instrument has from before is no number to ask behind' }],
  },
  {
    holds: 'trades',
    name: 'A page that does not join the one before it is not taken',
    file: TIMED,
    text: '    if (!joins) {',
    without: '    if (!joins && this.#cursor === undefined) {',
    tests: [{ file: catchUp, name: 'are not taken from a page that does not join the one before it' }],
  },
  {
    holds: 'trades',
    name: 'Each hole has all pages',
    file: CATCH_UP,
    text: '    this.#pages = 0;\n',
    without: '',
    tests: [{ file: catchUp, name: 'each have all pages, however many came before' }],
  },
  {
    holds: 'trades',
    name: 'Each hole has all failures',
    file: CATCH_UP,
    text: '    this.#started = now;\n    this.#failures = 0;\n    this.#pages = 0;\n',
    without: '    this.#started = now;\n    this.#pages = 0;\n',
    tests: [{ file: catchUp, name: 'each have all failures, however many came before' }],
  },
  {
    holds: 'trades',
    name: 'Frames that can’t be read make it ask at most so often',
    file: CATCH_UP,
    text: '    if (isTooSoon) return;\n',
    without: '    if (isTooSoon && now.monotonicMs < 0) return;\n',
    tests: [{ file: catchUp, name: 'are looked for at most so often because of frames that can’t be read' }],
  },
  {
    holds: 'trades',
    name: 'An answer is taken for its own question only',
    file: 'src/actors/trade-catch-ups.ts',
    text: 'if (entry?.asked !== missing) return;',
    without: 'if (entry?.asked === undefined) return;',
    tests: [{ file: connection, name: 'takes an answer for its own question only' }],
  },
  {
    holds: 'trades',
    name: 'An instrument is asked for its newest trade when little waits for it',
    file: 'src/actors/trade-catch-ups.ts',
    text: 'routes.pendingTradesOf(nativeSymbol) > ASK_BEHIND_MAX',
    without: 'routes.pendingTradesOf(nativeSymbol) < 0 * ASK_BEHIND_MAX',
    tests: [{ file: connection, name: 'is asked for its newest trade when little waits for it' }],
  },
  {
    holds: 'trades',
    name: 'What was on its way over a line that is gone is asked for over its successor',
    file: 'src/actors/connection.ts',
    text: '!carriesTrades || this.#trades.isHolding(symbol)',
    without: '!carriesTrades',
    tests: [
      {
        file: connection,
        name: 'are asked for once more when they were on their way and the old line closes by itself',
      },
      {
        file: connection,
        name: 'are asked for once more when they were on their way and all books have moved',
      },
    ],
  },
  {
    holds: 'trades',
    name: 'What no line carried is looked for when the old line closed before its successor was subscribed',
    file: 'src/actors/connection.ts',
    text: '!carriesTrades || this.#trades.isHolding(symbol)',
    without: 'carriesTrades && this.#trades.isHolding(symbol)',
    tests: [
      { file: connection, name: 'are fetched where the old line closes before the successor is subscribed' },
    ],
  },
  {
    holds: 'trades',
    name: 'What no line carried is looked for when a successor takes over that does not carry trades yet',
    file: 'src/actors/connection.ts',
    text: '!carriesTrades || this.#trades.isHolding(symbol)',
    without: 'this.#trades.isHolding(symbol)',
    tests: [
      {
        file: 'test/actors/planned-leave.test.ts',
        name: 'are looked for when its successor takes over with subscriptions that have not left',
      },
    ],
  },
  {
    holds: 'trades',
    name: 'A poison event at the end of a feed costs none of those beside it',
    file: 'src/actors/delivery.ts',
    text: 'if (this.#isRefused || events.length > maxCount) return 0;',
    without: 'if (this.#isRefused || events.length > 0 * maxCount) return 0;',
    tests: [
      {
        file: 'test/actors/delivery.test.ts',
        name: 'loses nothing but the poison when its feed ends',
      },
    ],
  },
  {
    holds: 8,
    name: 'No book event of a feed that ended follows on a hole',
    file: 'src/actors/delivery.ts',
    text: "        ? toStaleStatus(event, 'the batch that it came in was not taken')\n",
    without: '        ? event\n',
    tests: [
      {
        file: 'test/actors/delivery.test.ts',
        name: 'lets no book event follow on a hole',
      },
    ],
  },
  {
    holds: 5,
    name: 'A symbol that is removed after its events were dropped is let go of',
    file: 'src/actors/feed-routes.ts',
    text: '      this.#destinations.delete(instrument);\n      this.#unflushed.delete(destination);\n      this.#lossy.delete(destination);\n',
    without: '      this.#destinations.delete(instrument);\n      this.#unflushed.delete(destination);\n',
    tests: [{ file: 'test/actors/feed-routes.test.ts', name: 'is not kept in memory' }],
  },
  {
    holds: 5,
    name: 'Trades that all symbols of a connection hold are bounded',
    file: 'src/actors/trade-catch-ups.ts',
    text: 'if (keptCount > KEPT_TRADES_MAX) {',
    without: 'if (keptCount > Infinity * KEPT_TRADES_MAX) {',
    tests: [{ file: connection, name: 'hold no more trades together than stated' }],
  },
];
