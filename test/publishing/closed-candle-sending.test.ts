import { expect, test } from 'vitest';
import { ClosedCandleQueue } from '../../src/publishing/closed-candle-queue.ts';
import { sendClosedCandles } from '../../src/publishing/closed-candle-sending.ts';
import { createPublisherMetrics } from '../../src/publishing/publisher-metrics.ts';
import type { ScriptCall, ScriptOutcome } from '../../src/publishing/script-calls.ts';

/** Three lists of two candles wait; `answer` is what Redis says to a call for these keys. */
function create(answer: (keys: readonly string[]) => ScriptOutcome, isCluster = false) {
  const queue = new ClosedCandleQueue(100);
  let seq = 0;
  for (const key of ['a', 'b', 'c', 'a', 'b', 'c']) {
    const value = `{"epoch":1,"seq":${++seq},"status":"live","reason":""}`;
    queue.add({ key, epoch: 1, seq, value, kind: 'closedCandle' }, 5);
  }
  const metrics = createPublisherMetrics();
  const calls: (readonly string[])[] = [];
  const dropped: string[] = [];
  const send = () =>
    sendClosedCandles(
      {
        queue,
        metrics,
        isCluster,
        listLength: 10,
        call: ({ keys }: ScriptCall) => {
          calls.push(keys);
          return Promise.resolve(answer(keys));
        },
        onDropped: (why) => dropped.push(why),
      },
      500,
    );
  return { queue, metrics, calls, dropped, send };
}

const ALL = ['a:closed', 'b:closed', 'c:closed'];

test('closed candles of several lists go in one call, each list for itself in a Cluster', async () => {
  const taken = (keys: readonly string[]): ScriptOutcome => ({ ok: true, reply: keys.map(() => 0) });
  const one = create(taken);
  expect(await one.send()).toBeUndefined();
  expect(one.calls).toEqual([ALL]);
  expect(one.metrics.closedPublished).toBe(6);
  expect(one.queue.count).toBe(0);
  const cluster = create(taken, true);
  await cluster.send();
  expect(cluster.calls).toEqual(ALL.map((key) => [key]));
  expect(cluster.metrics.closedPublished).toBe(6);
});

test('closed candles that failed for now all wait again, in their order', async () => {
  const { send, queue, dropped } = create(() => ({ ok: false, error: new Error('Connection is closed.') }));
  expect(await send()).toMatchObject({ message: 'Connection is closed.' });
  expect(dropped).toEqual([]);
  const waiting = queue.first(10).map((group) => group.map(({ seq }) => seq));
  expect(waiting).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
});

test('a list that will never be taken loses its own candles and nobody else’s', async () => {
  const { send, queue, calls, metrics, dropped } = create((keys) =>
    keys.includes('b:closed')
      ? { ok: false, error: new Error('NOPERM no access to that key') }
      : { ok: true, reply: keys.map(() => 0) },
  );
  expect(await send()).toBeUndefined();
  expect(calls).toEqual([ALL, ...ALL.map((key) => [key])]);
  expect(metrics.closedPublished).toBe(4);
  expect(dropped).toEqual(Array(2).fill('b:closed: NOPERM no access to that key'));
  expect(queue.count).toBe(0);
});
