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
  const tick = (atMs: number): void => subscriptions.flush(at(atMs), { isTick: true });
  return { sent, subscribed, outbox, subscriptions, want, tick };
}

it('symbols that come one by one share frames once one was sent lately, and wait for the tick only where a frame is not full', () => {
  const { sent, subscribed, outbox, subscriptions, want, tick } = createSubscriptions();
  outbox.openAt(0);
  const symbols = Array.from({ length: 9 }, (_, index) => `S${index}`);
  for (const symbol of symbols) want(symbol);
  expect(sent).toEqual(['subscribe S0 book,trades', 'subscribe S1,S2,S3 book,trades']);
  tick(WINDOW_MS);
  expect(sent.slice(2)).toEqual(['subscribe S4,S5,S6 book,trades', 'subscribe S7,S8 book,trades']);
  expect(subscribed).toEqual(symbols);
  expect(subscriptions.hasFrames).toBe(false);
});

it('a frame that is not full leaves with the tick that comes next', () => {
  const { sent, outbox, want, tick } = createSubscriptions();
  outbox.openAt(0);
  for (const symbol of ['A', 'B', 'C']) want(symbol);
  expect(sent).toEqual(['subscribe A book,trades']);
  tick(250);
  expect(sent.slice(1)).toEqual(['subscribe B,C book,trades']);
});

it('all that is wanted at once leaves at once, the last frame not full', () => {
  const { sent, outbox, subscriptions } = createSubscriptions();
  outbox.openAt(0);
  subscriptions.subscribe(['A', 'B', 'C', 'D'].map(toNativeSymbol));
  subscriptions.flush(at(0));
  expect(sent).toEqual(['subscribe A,B,C book,trades', 'subscribe D book,trades']);
});

it('a symbol that leaves before its turn is neither subscribed to nor unsubscribed from', () => {
  const { sent, outbox, subscriptions, want, tick } = createSubscriptions();
  outbox.openAt(0);
  for (const symbol of ['A', 'B', 'C']) want(symbol);
  subscriptions.unsubscribe([toNativeSymbol('C')], at(0));
  subscriptions.unsubscribe([toNativeSymbol('A')], at(0));
  for (let windows = 1; windows <= 3; windows++) tick(windows * WINDOW_MS);
  expect(sent).toEqual(['subscribe A book,trades', 'unsubscribe A book,trades', 'subscribe B book,trades']);
});

it('a book that is to start again before it was subscribed to is subscribed to once', () => {
  const { sent, outbox, subscriptions, want, tick } = createSubscriptions();
  outbox.openAt(0);
  for (const symbol of ['A', 'B', 'C']) want(symbol);
  subscriptions.restartBook(toNativeSymbol('C'));
  for (let windows = 1; windows <= 3; windows++) tick(windows * WINDOW_MS);
  expect(sent).toEqual(['subscribe A book,trades', 'subscribe B,C book,trades']);
});
