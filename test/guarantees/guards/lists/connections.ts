import type { Guard } from '../guard.ts';

const leave = 'test/actors/planned-leave.test.ts';
const connection = 'test/actors/connection.test.ts';
const gate = 'test/actors/exchange-gate.test.ts';

/** Leaving a connection for its successor, the budgets of an exchange, and times that a wall clock must not decide. */
export const connections: readonly Guard[] = [
  {
    holds: 'trades',
    name: 'The last words of a feed follow on the batch in flight, not on a hole',
    file: 'src/actors/delivery.ts',
    text: '      copiesLeft -= this.#sendOneByOne(batch, copiesLeft);\n',
    without: '',
    tests: [{ file: 'test/actors/delivery.test.ts', name: 'sends the rest behind what is in flight' }],
  },
  {
    holds: 'trades',
    name: 'A successor carries trades only some time after its subscriptions left',
    file: 'src/actors/planned-leave.ts',
    text: 'leave.subscribedAtMs !== undefined && nowMs - leave.subscribedAtMs >= TRADES_SETTLE_MS;',
    without: 'leave.subscribedAtMs !== undefined;',
    tests: [
      { file: leave, name: 'are declared missing then where the exchange gives none of the past' },
      { file: leave, name: 'are looked for when it closes with a symbol that was watched only a moment ago' },
    ],
  },
  {
    holds: 'trades',
    name: 'A successor whose subscriptions wait for their turn carries no trades',
    file: 'src/actors/planned-leave.ts',
    text: "if (state === 'open' && queuedFrames === 0) leave.subscribedAtMs ??= nowMs;",
    without: "if (state === 'open' && queuedFrames >= 0) leave.subscribedAtMs ??= nowMs;",
    tests: [{ file: leave, name: 'are looked for when its subscriptions wait for their turn' }],
  },
  {
    holds: 5,
    name: 'Both lines stop reading while an actor does not keep up',
    file: 'src/actors/connection.ts',
    text: 'lines: () => [this.#line, this.#leave.successor?.line].filter((line) => line !== undefined),',
    without: 'lines: () => [this.#line].filter((line) => line !== undefined),',
    tests: [
      { file: leave, name: 'stops reading with it while an actor does not keep up' },
      { file: leave, name: 'counts with what lies in its inbox' },
    ],
  },
  {
    holds: 5,
    name: 'The budget of a node counts what a successor holds',
    file: 'src/actors/connection.ts',
    text: '[this.#session, this.#leave.successor?.session].map(',
    without: '[this.#session].map(',
    tests: [{ file: leave, name: 'counts with what lies in its inbox and with the deltas that it holds' }],
  },
  {
    holds: 'trades',
    name: 'Trades are waited for until the deadline, whatever the wall clock says',
    file: 'src/exchanges/trade-catch-up.ts',
    text: 'now.monotonicMs - this.#started.monotonicMs >= this.#limits.deadlineMs',
    without: 'now.wallMs - this.#started.wallMs >= this.#limits.deadlineMs',
    tests: [
      {
        file: 'test/exchanges/trade-catch-up.test.ts',
        name: 'holds trades until its deadline, also when the wall clock is set by',
      },
    ],
  },
  {
    holds: 8,
    name: 'A planned leave ends at its time, whatever the wall clock says',
    file: 'src/actors/planned-leave.ts',
    text: '  begin(reason: string, { monotonicMs: nowMs }: Moment): void {',
    without: '  begin(reason: string, { wallMs: nowMs }: Moment): void {',
    also: [
      {
        file: 'src/actors/planned-leave.ts',
        text: '    const nowMs = now.monotonicMs;\n    const successor',
        without: '    const nowMs = now.wallMs;\n    const successor',
      },
    ],
    tests: [{ file: leave, name: 'takes over at its time, also when the wall clock is set' }],
  },
  {
    holds: 8,
    name: 'A connection opens again in time, whatever the wall clock says',
    file: 'src/actors/connection.ts',
    text: 'this.#pace.closed(now.monotonicMs);',
    without: 'this.#pace.closed(now.wallMs);',
    also: [
      {
        file: 'src/actors/connection.ts',
        text: 'this.#pace.takeTurn(now.monotonicMs)',
        without: 'this.#pace.takeTurn(now.wallMs)',
      },
    ],
    tests: [{ file: connection, name: 'opens again, resynchronises and lets time pass in time' }],
  },
  {
    holds: 8,
    name: 'A session measures by the clock that nobody sets',
    file: 'src/exchanges/feed-session.ts',
    text: '    const nowMs = now.monotonicMs;\n',
    without: '    const nowMs = now.wallMs;\n',
    tests: [
      { file: 'test/exchanges/feed-session.test.ts', name: 'does the same at the same time when the wall' },
    ],
  },
  {
    holds: 8,
    name: 'Nothing is asked for on a connection that is to be replaced',
    file: 'src/exchanges/feed-session.ts',
    text: '    if (!this.#isReplaced) {\n      const { isDeaf }',
    without: '    {\n      const { isDeaf }',
    tests: [
      {
        file: 'test/exchanges/feed-session.test.ts',
        name: 'asks for nothing more for books of a connection',
      },
    ],
  },
  {
    holds: 8,
    name: 'The pace of a book that is given up is forgotten',
    file: 'src/actors/connection.ts',
    text: '        this.#paces.forget(message.nativeSymbol);\n',
    without: '',
    tests: [{ file: connection, name: 'knows nothing of the pace of a book that was given up' }],
  },
  {
    holds: 5,
    name: 'After a refusal one request at a time is sent',
    file: 'src/actors/exchange-gate.ts',
    text: 'this.#isProbing ? 1 : REQUESTS_UNDER_WAY_MAX',
    without: 'REQUESTS_UNDER_WAY_MAX',
    tests: [{ file: gate, name: 'is not over when a request is taken that was sent before it' }],
  },
  {
    holds: 5,
    name: 'A request that was sent before a refusal does not end it',
    file: 'src/actors/exchange-gate.ts',
    text: 'else if (refusedBefore === this.#refusedCount) this.#isProbing = false;',
    without: 'else if (refusedBefore >= 0) this.#isProbing = false;',
    tests: [{ file: gate, name: 'is not over when a request is taken that was sent before it' }],
  },
  {
    holds: 5,
    name: 'A refusal lasts as long as it says, whatever the wall clock says',
    file: 'src/actors/exchange-gate.ts',
    text: 'this.#requests.take(weight, this.#options.clock.monotonicMs())',
    without: 'this.#requests.take(weight, this.#options.clock.nowMs())',
    also: [
      {
        file: 'src/actors/exchange-gate.ts',
        text: '    const nowMs = clock.monotonicMs();\n    const toldMs',
        without: '    const nowMs = clock.nowMs();\n    const toldMs',
      },
    ],
    tests: [{ file: gate, name: 'closes it for as long as it says, also when the wall clock is set' }],
  },
  {
    holds: 5,
    name: 'An earlier end does not open a budget that is closed',
    file: 'src/base/sliding-budget.ts',
    text: '    if (untilMs <= this.#closedUntilMs) return;\n',
    without: '',
    tests: [{ file: 'test/base/sliding-budget.test.ts', name: 'keeps closed when the other side names an' }],
  },
  {
    holds: 6,
    name: 'Failures are counted by the clock that nobody sets',
    file: 'src/actors/kernel/failure-history.ts',
    text: 'const monotonicMs = clock.monotonicMs();',
    without: 'const monotonicMs = clock.nowMs();',
    tests: [
      {
        file: 'test/actors/kernel/supervision.test.ts',
        name: 'a wall clock that is set back does not bring',
      },
    ],
  },
];
