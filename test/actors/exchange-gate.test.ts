import { expect, it } from 'vitest';
import type { HttpAnswer } from '../../src/actors/ports.ts';
import { createActors, plainAdapter } from './support.ts';

const LIMITS = { timeoutMs: 1_000, bodyMaxBytes: 1_000 };

async function createGate() {
  const actors = await createActors();
  const answers: Partial<HttpAnswer>[] = [];
  actors.transport.answer = () =>
    Promise.resolve({
      status: 200,
      body: '',
      receiveTimeMs: actors.time.nowMs(),
      retryAfterMs: undefined,
      ...answers.shift(),
    });
  const gate = actors.gateOf(plainAdapter());
  const ask = (url: string, isWanted?: () => boolean) =>
    gate.request({ url }, isWanted === undefined ? LIMITS : { ...LIMITS, isWanted });
  return { actors, answers, gate, ask, requested: actors.transport.requested };
}

it.each([429, 418])('closes after HTTP %i until the time that the exchange names', async (status) => {
  const { actors, answers, ask, requested } = await createGate();
  answers.push({ status, retryAfterMs: 5_000 });
  await ask('first');
  const second = ask('second');
  await actors.time.advance(4_999);
  expect(requested).toEqual(['first']);
  await actors.time.advance(1);
  await second;
  expect(requested).toEqual(['first', 'second']);
});

it('lets requests through in their order and within the budget', async () => {
  const { actors, ask, gate, requested } = await createGate();
  const asked = Array.from({ length: 15 }, (_, index) => ask(String(index)));
  await actors.time.advance(999);
  expect([requested.length, gate.requestWeightSpent()]).toEqual([10, 10]);
  await actors.time.advance(1);
  await Promise.all(asked);
  expect(requested).toEqual(Array.from({ length: 15 }, (_, index) => String(index)));
});

it('spends nothing on what is no longer wanted, and goes on with the next', async () => {
  const { ask, gate, requested } = await createGate();
  await expect(ask('given up', () => false)).rejects.toMatchObject({ code: 'FEED_REQUEST' });
  await ask('wanted');
  expect([requested, gate.requestWeightSpent()]).toEqual([['wanted'], 1]);
});
