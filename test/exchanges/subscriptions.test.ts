import { expect, it } from 'vitest';
import { FrameOutbox } from '../../src/exchanges/frame-outbox.ts';
import { Subscriptions } from '../../src/exchanges/subscriptions.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { plainAdapter } from '../actors/support.ts';

const WINDOW_MS = 1_000;
const at = (monotonicMs: number) => ({ monotonicMs, wallMs: monotonicMs });

/** Two frames a window, of three symbols at most. */
function createSubscriptions() {
  const sent: string[] = [];
  const subscribed: string[] = [];
  const plain = plainAdapter();
  const adapter = plainAdapter({ limits: { ...plain.limits, symbolsPerSubscribeFrame: 3 } });
  const outbox = new FrameOutbox({
    budget: { count: 2, windowMs: WINDOW_MS },
    send: (frame) => void sent.push(frame),
  });
  const subscriptions = new Subscriptions({
    adapter,
    options: { depth: undefined },
    outbox,
    channels: ['book', 'trades'],
    onSent: (symbols) => void subscribed.push(...symbols),
  });
  const want = (symbol: string): void => {
    subscriptions.subscribe([toNativeSymbol(symbol)]);
    subscriptions.flush(at(0));
  };
  return { sent, subscribed, outbox, subscriptions, want };
}

it('symbols that come one by one share frames as soon as frames have to wait for their turn', () => {
  const { sent, subscribed, outbox, subscriptions, want } = createSubscriptions();
  outbox.openAt(0);
  const symbols = Array.from({ length: 9 }, (_, index) => `S${index}`);
  for (const symbol of symbols) want(symbol);
  expect(sent).toEqual(['subscribe S0 book,trades', 'subscribe S1 book,trades']);
  subscriptions.flush(at(WINDOW_MS));
  expect(sent.slice(2)).toEqual(['subscribe S2 book,trades', 'subscribe S3,S4,S5 book,trades']);
  subscriptions.flush(at(2 * WINDOW_MS));
  expect(sent.slice(4)).toEqual(['subscribe S6,S7,S8 book,trades']);
  expect(subscribed).toEqual(symbols);
  expect(subscriptions.hasFrames).toBe(false);
});

it('a symbol that leaves before its turn is neither subscribed to nor unsubscribed from', () => {
  const { sent, outbox, subscriptions, want } = createSubscriptions();
  outbox.openAt(0);
  for (const symbol of ['A', 'B', 'C', 'D', 'E']) want(symbol);
  subscriptions.unsubscribe([toNativeSymbol('D')], at(0));
  subscriptions.unsubscribe([toNativeSymbol('A')], at(0));
  for (let windows = 1; windows <= 3; windows++) subscriptions.flush(at(windows * WINDOW_MS));
  expect(sent.slice(2)).toEqual([
    'subscribe C book,trades',
    'unsubscribe A book,trades',
    'subscribe E book,trades',
  ]);
});

it('a book that is to start again before it was subscribed to is subscribed to once', () => {
  const { sent, outbox, subscriptions, want } = createSubscriptions();
  outbox.openAt(0);
  for (const symbol of ['A', 'B', 'C', 'D']) want(symbol);
  subscriptions.restartBook(toNativeSymbol('D'));
  for (let windows = 1; windows <= 3; windows++) subscriptions.flush(at(windows * WINDOW_MS));
  expect(sent.slice(2)).toEqual(['subscribe C book,trades', 'subscribe D book,trades']);
});
