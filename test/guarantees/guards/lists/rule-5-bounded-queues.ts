import type { Guard } from '../guard.ts';

/** Every queue is bounded and says what happens when it is full. */
export const boundedQueues: readonly Guard[] = [
  {
    holds: 5,
    name: 'One batch is in flight to an actor, the rest waits to be one',
    file: 'src/actors/delivery.ts',
    text: 'if (this.#inFlight === undefined) this.#sendNext();',
    without: 'this.#sendNext();',
    tests: [
      {
        file: 'test/actors/delivery.test.ts',
        name: 'keeps one batch in flight and lets what comes meanwhile',
      },
    ],
  },
  {
    holds: 5,
    name: 'A mailbox that is full refuses the next message, as a dead letter',
    file: 'src/actors/kernel/inbox.ts',
    text: "return this.#mailbox.length >= this.#spec.mailboxMaxMessages ? 'mailbox-full' : undefined;",
    without: 'return undefined;',
    tests: [
      { file: 'test/actors/kernel/actor-system.test.ts', name: 'a full mailbox refuses the next message' },
    ],
  },
  {
    holds: 5,
    name: 'A socket whose frames are not worked off is paused',
    file: 'src/actors/feed-line.ts',
    text: '    if (!isFull || this.#isPaused) return;\n    this.pause();\n',
    without: '    if (!isFull || this.#isPaused) return;\n',
    tests: [
      { file: 'test/actors/feed-line.test.ts', name: 'pauses the socket when it holds too many frames' },
      { file: 'test/actors/feed-line.test.ts', name: 'pauses the socket when few large frames' },
    ],
  },
  {
    holds: 5,
    name: 'Trades that are too many stop their connection',
    file: 'src/actors/feed-valve.ts',
    text: '    line.pause();\n',
    without: '',
    tests: [
      { file: 'test/actors/overload.test.ts', name: 'stops its connection once more trades wait than may' },
    ],
  },
  {
    holds: 5,
    name: 'A connection reads again only when there is room',
    file: 'src/actors/feed-valve.ts',
    text: 'else if (line.inboxCount === 0 && this.#mayResume()) line.resume();',
    without: 'else line.resume();',
    tests: [
      { file: 'test/actors/overload.test.ts', name: 'stops its connection once more trades wait than may' },
    ],
  },
  {
    holds: 5,
    name: 'A node that holds too much stops the connections that hold more than their share',
    file: 'src/actors/feed-budget.ts',
    text: 'return this.#budget.bytes > partBytes && this.#bytes > partBytes / this.#budget.shareCount;',
    without: 'return this.#budget.bytes > partBytes && this.#bytes < 0;',
    tests: [
      {
        file: 'test/actors/feed-budget.test.ts',
        name: 'stops the connections that hold more than their fair share',
      },
    ],
  },
  {
    holds: 5,
    name: 'A slow book drops its waiting deltas, never a trade',
    file: 'src/actors/pending-events.ts',
    text: "export function isBookEvent(event: MarketEvent): boolean {\n  return event.type === 'BookDelta' || event.type === 'BookSnapshot';",
    without:
      "export function isBookEvent(event: MarketEvent): boolean {\n  return event.type !== 'FeedStatus';",
    tests: [
      {
        file: 'test/actors/connection.test.ts',
        name: 'falls back to a fresh book when its actor is too slow, and never drops trades',
      },
    ],
  },
  {
    holds: 5,
    name: 'Deltas held for a snapshot are bounded',
    file: 'src/exchanges/held-deltas.ts',
    text: 'if (this.#deltas.length <= BUFFERED_DELTAS_MAX && this.#tally.bytes <= HELD_DELTAS_MAX_BYTES) return 0;',
    without: 'if (this.#deltas.length >= 0) return 0;',
    tests: [{ file: 'test/exchanges/book-sync.test.ts', name: 'holds a bounded number of deltas' }],
  },
  {
    holds: 5,
    name: 'What is on its way into the database is bounded',
    file: 'src/persistence/write-room.ts',
    text: 'return this.#held === 0 || this.#held + weight <= this.max;',
    without: 'return this.#held + weight >= 0;',
    tests: [{ file: 'test/persistence/write-room.test.ts', name: 'lets in whom it has room for' }],
  },
  {
    holds: 5,
    name: 'Closed candles that wait for Redis are bounded, the oldest go',
    file: 'src/publishing/closed-candle-queue.ts',
    text: '    if (this.#count <= this.#candlesMax) return false;',
    without: '    if (this.#count >= 0) return false;',
    tests: [
      {
        file: 'test/publishing/embedded-publisher.test.ts',
        name: 'while Redis is away the latest value per key and every closed candle wait',
      },
    ],
  },
  {
    holds: 5,
    name: 'What waits for a client of the stream and can not be replaced is bounded',
    file: 'src/admin/gateway/outbox.ts',
    text: 'this.#eventCount < CLIENT_EVENTS_MAX &&',
    without: 'this.#eventCount < CLIENT_EVENTS_MAX * CLIENT_EVENTS_MAX &&',
    tests: [
      {
        file: 'test/admin/gateway/gateway-session.test.ts',
        name: 'keeps what can not be replaced up to a limit',
      },
    ],
  },
  {
    holds: 5,
    name: 'A value of the stream gives way to the next of its channel',
    file: 'src/admin/gateway/outbox.ts',
    text: 'this.#waiting.set(message.channel, { message,',
    without: 'this.#waiting.set(this.#nextNumber++, { message,',
    tests: [
      { file: 'test/admin/gateway/gateway-session.test.ts', name: 'has one value of each channel waiting' },
    ],
  },
  {
    holds: 5,
    name: 'A client of the stream that does not read is disconnected',
    file: 'src/admin/gateway/gateway-session.ts',
    text: 'if (lateMs >= DISCONNECT_LATE_MS) {',
    without: 'if (lateMs >= DISCONNECT_LATE_MS && nowMs < 0) {',
    tests: [
      { file: 'test/admin/gateway/gateway-session.test.ts', name: 'is warned first, and then disconnected' },
    ],
  },
];
