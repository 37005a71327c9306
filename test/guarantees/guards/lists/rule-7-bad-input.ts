import type { Guard } from '../guard.ts';

/** Bad input costs nothing else. */
export const badInput: readonly Guard[] = [
  {
    holds: 7,
    name: 'A decoder that throws costs its frame only',
    file: 'src/exchanges/feed-session.ts',
    text: "    try {\n      messages = this.#decoder.decode(frame, now.wallMs);\n    } catch (error) {\n      messages = [{ type: 'rejected', nativeSymbol: undefined, reason: `decoder failed: ${String(error)}` }];\n    }\n",
    without: '    messages = this.#decoder.decode(frame, now.wallMs);\n',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'turns a throwing decoder into a dead letter of bounded size',
      },
    ],
  },
  {
    holds: 7,
    name: 'What can not be read is a dead letter',
    file: 'src/exchanges/frame-rejections.ts',
    text: "    this.#report(shortSymbol, 'bad-frame', detachedText(detail, EXCHANGE_WORDS_MAX_CHARS), text);\n",
    without: '',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'turns a throwing decoder into a dead letter of bounded size',
      },
    ],
  },
  {
    holds: 7,
    name: 'A dead letter keeps a bounded part of the frame',
    file: 'src/exchanges/frame-rejections.ts',
    text: '? detachedText(frame, REJECTED_TEXT_MAX_CHARS)',
    without: '? frame',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'turns a throwing decoder into a dead letter of bounded size',
      },
    ],
  },
  {
    holds: 7,
    name: 'A frame of many unreadable parts makes few dead letters',
    file: 'src/exchanges/frame-rejections.ts',
    text: 'const isTold = ++this.#countInFrame <= REJECTIONS_PER_FRAME_MAX;',
    without: 'const isTold = ++this.#countInFrame > 0;',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'tells a frame of ever so many unreadable parts by a few dead letters',
      },
    ],
  },
  {
    holds: 7,
    name: 'An event from the future is refused',
    file: 'src/market/decide.ts',
    text: '  if (eventTimeMs > receiveTimeMs + maxFutureMs) {',
    without: '  if (eventTimeMs > Infinity) {',
    tests: [{ file: 'test/market/decide.test.ts', name: 'rules' }],
  },
  {
    holds: 7,
    name: 'A trade of nothing is refused',
    file: 'src/market/decide.ts',
    text: '  if (trade.price > 0 && trade.quantity > 0) return undefined;',
    without: '  if (trade.price >= 0) return undefined;',
    tests: [{ file: 'test/market/decide.test.ts', name: 'rules' }],
  },
  {
    holds: 7,
    name: 'A trade id that the tables could not hold is refused',
    file: 'src/market/decide.ts',
    text: '  if (!TRADE_ID.test(trade.tradeId)) {',
    without: '  if (trade.tradeId.length < 0) {',
    tests: [{ file: 'test/market/decide.test.ts', name: 'rules' }],
  },
  {
    holds: 7,
    name: 'What is rejected is recorded',
    file: 'src/actors/symbol.ts',
    text: 'this.#reject(event, { reason, detail, name: `${batch.source} ${ordinal} ${event.receiveTimeMs}` });',
    without: 'void ordinal;',
    tests: [
      { file: 'test/actors/symbol.test.ts', name: 'records what breaks a rule with its reason and text' },
    ],
  },
  {
    holds: 7,
    name: 'An event that failed its actor twice alone is given up',
    file: 'src/actors/delivery.ts',
    text: 'if (this.#failureCount < POISON_FAILURES ||',
    without: 'if (this.#failureCount < Infinity ||',
    tests: [
      {
        file: 'test/actors/delivery.test.ts',
        name: 'gives an event up as poison when it failed twice alone',
      },
    ],
  },
  {
    holds: 7,
    name: 'A failure of the world is not blamed on an event',
    file: 'src/actors/delivery.ts',
    text: 'if (failure.isTransient || !isSameBatch(batch, failure)) {',
    without: 'if (!isSameBatch(batch, failure)) {',
    tests: [{ file: 'test/actors/delivery.test.ts', name: 'never blames an event for a transient failure' }],
  },
  {
    holds: 7,
    name: 'A poisonous message is set aside as a dead letter',
    file: 'src/actors/kernel/actor-cell.ts',
    text: "      this.inbox.deadLetter({ message: envelope.message }, 'poison', describeCause(error));\n",
    without: '',
    tests: [
      { file: 'test/actors/kernel/supervision.test.ts', name: 'a poisonous message becomes a dead letter' },
    ],
  },
  {
    holds: 7,
    name: 'Trades lost with a frame that can not be read are looked for',
    file: 'src/exchanges/trade-catch-up.ts',
    text: '    this.#lookIntoSuspicion(now);\n    if (this.#phase === ',
    without: '    if (this.#phase === ',
    also: [
      {
        file: 'src/exchanges/trade-catch-up.ts',
        text: '    this.#lookIntoSuspicion(now);\n  }\n\n  trade(',
        without: '  }\n\n  trade(',
      },
    ],
    tests: [
      {
        file: 'test/exchanges/trade-catch-up.test.ts',
        name: 'are fetched, though no later trade tells of them',
      },
    ],
  },
  {
    holds: 7,
    name: 'A frame that goes on behind its update goes to the parser, which refuses it',
    file: 'src/exchanges/coinbase-exchange-updates.ts',
    text: "if (time === undefined || !cursor.take('}') || !cursor.isAtEnd) return undefined;",
    without: "if (time === undefined || !cursor.take('}')) return undefined;",
    tests: [{ file: 'test/exchanges/direct-reading.test.ts', name: 'frames as the parser does' }],
  },
];
