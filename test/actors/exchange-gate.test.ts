import { describe, expect, it } from 'vitest';
import {
  CLOSED_MAX_MS,
  ExchangeGate,
  REOPENING_SPREAD_MS,
  REQUESTS_UNDER_WAY_MAX,
  WAITING_REQUESTS_MAX,
} from '../../src/actors/exchange-gate.ts';
import type { HttpAnswer } from '../../src/actors/feed-ports.ts';
import { createSeededRandom } from '../../src/base/clock.ts';
import type { ExchangeLimits } from '../../src/exchanges/adapter.ts';
import { adapters } from '../../src/exchanges/registry.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { plainAdapter, ScriptedTransport } from './support.ts';

const LIMITS = { timeoutMs: 1_000, bodyMaxBytes: 1_000 };
/** Ten requests a second; 50 ms more because what is sent a second apart may arrive closer together. */
const WINDOW_MS = 1_050;

function createGate(overrides: { limits?: ExchangeLimits; random?: () => number } = {}) {
  const time = new FakeClock();
  const transport = new ScriptedTransport();
  const log = new RecordingLog();
  const answers: Partial<HttpAnswer>[] = [];
  const sentAtMs: number[] = [];
  transport.answer = () => {
    sentAtMs.push(time.monotonicMs());
    const answer = { status: 200, body: '', receiveTimeMs: time.nowMs(), retryAfterMs: undefined };
    return Promise.resolve({ ...answer, ...answers.shift() });
  };
  const gate = new ExchangeGate({
    exchange: 'plain',
    limits: plainAdapter().limits,
    transport,
    clock: time,
    timers: time,
    random: () => 0,
    log,
    ...overrides,
  });
  const ask = (url: string, options: { isWanted?: () => boolean; turn?: string } = {}) =>
    gate.request({ url }, { ...LIMITS, ...options });
  return { time, transport, log, answers, gate, ask, requested: transport.requested, sentAtMs };
}

describe('the gate of an exchange', () => {
  it('lets requests through in their order and within the budget', async () => {
    const { time, ask, gate, requested } = createGate();
    const asked = Array.from({ length: 15 }, (_, index) => ask(String(index)));
    await time.advance(WINDOW_MS - 1);
    expect(requested).toHaveLength(10);
    expect(gate.status()).toMatchObject({ weightSpent: 10, weightMax: 10, waitingRequests: 5 });
    await time.advance(1);
    await Promise.all(asked);
    expect(requested).toEqual(Array.from({ length: 15 }, (_, index) => String(index)));
  });

  it('gives each symbol its turn, however many another has waiting', async () => {
    const { time, ask, requested } = createGate();
    const asked = Array.from({ length: 20 }, (_, index) => ask(`many ${index}`, { turn: 'many' }));
    asked.push(ask('one', { turn: 'one' }), ask('two', { turn: 'two' }));
    await time.advance(2 * WINDOW_MS);
    await Promise.all(asked);
    expect(requested.slice(10, 13)).toEqual(['many 10', 'one', 'two']);
    expect(requested.filter((url) => url.startsWith('many'))).toEqual(
      Array.from({ length: 20 }, (_, index) => `many ${index}`),
    );
  });

  it('asks for a bounded number of answers at once, however large the budget is', async () => {
    const { gate, ask, transport, requested } = createGate({
      limits: {
        ...plainAdapter().limits,
        requests: { weight: 1_000, windowMs: 1_000, weightOf: () => 1 },
      },
    });
    const answers: (() => void)[] = [];
    const answer = { status: 200, body: '', receiveTimeMs: 0, retryAfterMs: undefined };
    transport.answer = () => new Promise((resolve) => answers.push(() => resolve(answer)));
    for (let index = 0; index < 100; index++) void ask(String(index));
    await settle();
    expect(requested).toHaveLength(REQUESTS_UNDER_WAY_MAX);
    answers[0]!();
    await settle();
    expect(requested).toHaveLength(REQUESTS_UNDER_WAY_MAX + 1);
    expect(gate.status()).toMatchObject({ requestsUnderWay: REQUESTS_UNDER_WAY_MAX });
  });

  it('turns requests away when too many wait, after those that nobody wants', async () => {
    const { gate, ask, answers } = createGate();
    answers.push({ status: 429, retryAfterMs: 60_000 });
    await ask('refused');
    let isWanted = true;
    const waiting = Array.from({ length: WAITING_REQUESTS_MAX }, (_, index) =>
      ask(String(index), index < 7 ? { isWanted: () => isWanted } : {}).catch(() => undefined),
    );
    await expect(ask('too much')).rejects.toMatchObject({ code: 'FEED_REQUEST', isRetryable: true });
    isWanted = false;
    void ask('room again');
    await Promise.all(waiting.slice(0, 7));
    expect(gate.status()).toMatchObject({
      waitingRequests: WAITING_REQUESTS_MAX - 6,
      turnedAwayCount: 1,
      unwantedCount: 7,
    });
  });

  it('lets those leave that nobody wants any more, while it is closed too, and spends nothing on them', async () => {
    const { time, gate, ask, answers, requested } = createGate();
    answers.push({ status: 429, retryAfterMs: 600_000 });
    await ask('refused');
    let isWanted = true;
    const left = ask('given up', { isWanted: () => isWanted });
    await time.advance(1_000);
    isWanted = false;
    const told = expect(left).rejects.toMatchObject({ code: 'FEED_REQUEST' });
    await time.advance(5_000);
    await told;
    expect(gate.status().waitingRequests).toBe(0);
    expect(requested).toEqual(['refused']);
  });
});

describe('a refusal', () => {
  it('closes the gate until the time that the exchange names', async () => {
    const { time, answers, ask, gate, requested, log } = createGate();
    answers.push({ status: 429, retryAfterMs: 5_000 });
    await ask('first');
    const second = ask('second');
    await time.advance(4_999);
    expect(requested).toEqual(['first']);
    expect(gate.status()).toMatchObject({ closedForMs: 1, refusedCount: 1 });
    await time.advance(1);
    await second;
    expect(requested).toEqual(['first', 'second']);
    expect(log.lines.map(({ fields }) => fields)).toEqual([
      { exchange: 'plain', status: 429, retryAfterMs: 5_000, closedForMs: 5_000 },
    ]);
  });

  it.each([
    ['binance', { status: 418 }, 120_000],
    ['binance', { status: 429 }, 60_000],
    ['bybit-linear', { status: 403 }, 600_000],
    ['kraken', { status: 200, body: '{"error":["EAPI:Rate limit exceeded"]}' }, 10_000],
  ])('of %s that names no time (%j) closes it for %i ms', async (exchange, answer, closedForMs) => {
    const { answers, ask, gate } = createGate({ limits: adapters.get(exchange)!.limits });
    answers.push(answer);
    await ask('first');
    expect(gate.status().closedForMs).toBe(closedForMs);
  });

  it('is not seen in an answer of another status or a long one', async () => {
    const { time, answers, ask, gate } = createGate({ limits: adapters.get('kraken')!.limits });
    answers.push({ status: 403 }, { body: `"EAPI:Rate limit exceeded"${' '.repeat(5_000)}` });
    const asked = [ask('first'), ask('second')];
    await time.advance(WINDOW_MS);
    await Promise.all(asked);
    expect(gate.status().closedForMs).toBe(0);
  });

  it('that asks for an absurd pause is believed for an hour, and says so in the log', async () => {
    const { time, answers, ask, requested, log } = createGate({ limits: adapters.get('binance')!.limits });
    answers.push({ status: 418, retryAfterMs: 999_999_999_000 }, { status: 429, retryAfterMs: 10 ** 15 });
    await ask('first');
    const second = ask('second');
    await time.advance(CLOSED_MAX_MS - 1);
    expect(requested).toHaveLength(1);
    await time.advance(1);
    await second;
    expect(log.lines.map(({ fields }) => fields)).toMatchObject([
      { status: 418, retryAfterMs: 999_999_999_000, closedForMs: CLOSED_MAX_MS },
      { status: 429, retryAfterMs: 10 ** 15, closedForMs: CLOSED_MAX_MS },
    ]);
  });

  it('is followed by one request at a time until one is taken, then by an even pace for a window', async () => {
    const { time, answers, ask, requested, sentAtMs } = createGate();
    answers.push({ status: 429, retryAfterMs: 1_000 }, { status: 429, retryAfterMs: 1_000 });
    await ask('first');
    const asked = Array.from({ length: 25 }, (_, index) => ask(String(index)));
    await time.advance(2_000);
    // The second refusal: nothing but the probe went out.
    expect(requested).toHaveLength(2 + 1);
    await time.advance(2 * WINDOW_MS + 1_000);
    await Promise.all(asked);
    const afterProbe = sentAtMs.slice(2, 12);
    const apartMs = afterProbe.slice(1).map((atMs, index) => atMs - afterProbe[index]!);
    expect(Math.min(...apartMs)).toBeGreaterThanOrEqual(WINDOW_MS / 10 - 1);
  });

  it('is not over when a request is taken that was sent before it', async () => {
    const { time, ask, gate, transport } = createGate();
    const answerNext: ((status: number) => void)[] = [];
    transport.answer = () =>
      new Promise((resolve) => {
        answerNext.push((status) =>
          resolve({ status, body: '', receiveTimeMs: 0, retryAfterMs: status === 429 ? 1_000 : undefined }),
        );
      });
    const asked = Array.from({ length: 10 }, (_, index) => ask(String(index)));
    answerNext[0]!(429);
    await settle();
    for (const answer of answerNext.slice(1)) answer(200);
    await Promise.all(asked);
    for (let index = 0; index < 5; index++) void ask(`after ${index}`);
    await time.advance(1_000 + WINDOW_MS);
    expect(gate.status()).toMatchObject({ requestsUnderWay: 1, waitingRequests: 4 });
    answerNext[10]!(200);
    await time.advance(WINDOW_MS);
    expect(gate.status()).toMatchObject({ requestsUnderWay: 4, waitingRequests: 0 });
  });

  it.each([-3_600_000, 3_600_000])(
    'closes it for as long as it says, also when the wall clock is set by %i ms meanwhile',
    async (byMs) => {
      const { time, answers, ask, gate, requested } = createGate();
      answers.push({ status: 429, retryAfterMs: 5_000 });
      await ask('first');
      time.setWallClock(byMs);
      void ask('second');
      await time.advance(4_999);
      expect(gate.status().closedForMs).toBe(1);
      expect(requested).toEqual(['first']);
      await time.advance(1);
      expect(requested).toEqual(['first', 'second']);
      expect(gate.connectWaitMs()).toBe(0);
    },
  );

  it('is followed by different waits of those who share the address', async () => {
    const random = createSeededRandom(5);
    const openings: number[] = [];
    for (let node = 0; node < 20; node++) {
      const { answers, ask, gate } = createGate({ random });
      answers.push({ status: 429, retryAfterMs: 1_000 });
      await ask('first');
      openings.push(gate.status().closedForMs);
    }
    expect(Math.min(...openings)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...openings)).toBeLessThanOrEqual(1_000 + REOPENING_SPREAD_MS);
    expect(new Set(openings).size).toBeGreaterThan(15);
  });
});

it('frames count for all connections of an exchange that counts them per address', () => {
  const { gate, time } = createGate({
    limits: { ...plainAdapter().limits, framesPerIp: { count: 2, windowMs: 1_000 } },
  });
  expect([1, 1, 1].map((count) => gate.frames?.take(count, time.monotonicMs()))).toEqual([0, 0, WINDOW_MS]);
  expect(createGate().gate.frames).toBeUndefined();
});
