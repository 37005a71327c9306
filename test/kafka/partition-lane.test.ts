import { describe, expect, it } from 'vitest';
import { PartitionLane, REQUEST_MAX_BYTES } from '../../src/kafka/partition-lane.ts';
import { FakeClock } from '../support/fake-clock.ts';

type Numbered = { readonly number: number; readonly sizeBytes: number };
type Answer = { resolve(firstOffset: number): void; reject(failure: unknown): void };

const LINGER_MS = 5;

function createLane() {
  const clock = new FakeClock();
  const requests: { readonly numbers: readonly number[]; readonly answer: Answer }[] = [];
  const durable: [number, number][] = [];
  const failures: unknown[] = [];
  const retries: number[] = [];
  const lane = new PartitionLane<Numbered>({
    lingerMs: LINGER_MS,
    timers: clock,
    random: () => 0.5,
    send: (records) =>
      new Promise((resolve, reject) => {
        requests.push({ numbers: records.map(({ number }) => number), answer: { resolve, reject } });
      }),
    isTransient: (failure) => failure !== 'for good',
    onRetry: (_, { delayMs }) => retries.push(delayMs),
    onDurable: (records, firstOffset) =>
      durable.push(...records.map(({ number }, index): [number, number] => [number, firstOffset + index])),
    onFailed: (failure) => failures.push(failure),
  });
  return { clock, requests, durable, failures, retries, lane };
}

const record = (number: number, sizeBytes = 10): Numbered => ({ number, sizeBytes });
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('the lane of a partition', () => {
  it('gathers what comes within the linger into one request', async () => {
    const { clock, requests, durable, lane } = createLane();
    lane.add(record(1));
    await clock.advance(LINGER_MS - 1);
    lane.add(record(2));
    expect(requests).toEqual([]);
    await clock.advance(1);
    expect(requests.map(({ numbers }) => numbers)).toEqual([[1, 2]]);
    requests[0]!.answer.resolve(70);
    await clock.advance(0);
    expect(durable).toEqual([
      [1, 70],
      [2, 71],
    ]);
    expect(lane.isIdle).toBe(true);
  });

  it('has one request on its way, and sends what came meanwhile at once when it is back', async () => {
    const { clock, requests, lane } = createLane();
    lane.add(record(1));
    await clock.advance(LINGER_MS);
    for (const number of range(2, 9)) lane.add(record(number));
    await clock.advance(10 * LINGER_MS);
    expect(requests).toHaveLength(1);
    requests[0]!.answer.resolve(0);
    await clock.advance(0);
    expect(requests[1]!.numbers).toEqual(range(2, 9));
  });

  it('does not wait for more when there is enough for a request', async () => {
    const { clock, requests, lane } = createLane();
    lane.add(record(1, REQUEST_MAX_BYTES / 4));
    await clock.advance(0);
    expect(requests.map(({ numbers }) => numbers)).toEqual([[1]]);
  });

  it('cuts requests by bytes and by records, and sends a record that is larger alone', async () => {
    const { clock, requests, lane } = createLane();
    lane.add(record(1));
    await clock.advance(LINGER_MS);
    lane.add(record(2, REQUEST_MAX_BYTES - 10));
    lane.add(record(3, 10));
    lane.add(record(4, 3 * REQUEST_MAX_BYTES));
    for (const number of range(5, 520)) lane.add(record(number, 1));
    // It grows meanwhile.
    for (const { answer } of requests) {
      answer.resolve(0);
      await clock.advance(0);
    }
    expect(requests.map(({ numbers }) => numbers)).toEqual([
      [1],
      [2, 3],
      [4],
      range(5, 504),
      range(505, 520),
    ]);
  });

  it('repeats a failed request as it was, later and later, before anything else', async () => {
    const { clock, requests, durable, retries, lane } = createLane();
    lane.add(record(1));
    await clock.advance(LINGER_MS);
    requests[0]!.answer.reject(new Error('away'));
    lane.add(record(2));
    await clock.advance(99);
    expect(requests).toHaveLength(1);
    await clock.advance(1);
    requests[1]!.answer.reject(new Error('still away'));
    await clock.advance(200);
    requests[2]!.answer.resolve(5);
    await clock.advance(0);
    requests[3]!.answer.resolve(6);
    await clock.advance(0);
    expect(requests.map(({ numbers }) => numbers)).toEqual([[1], [1], [1], [2]]);
    expect(retries).toEqual([100, 200]);
    expect(durable).toEqual([
      [1, 5],
      [2, 6],
    ]);
  });

  it('sends nothing more after a failure that trying again can not mend', async () => {
    const { clock, requests, durable, failures, lane } = createLane();
    lane.add(record(1));
    await clock.advance(LINGER_MS);
    lane.add(record(2));
    requests[0]!.answer.reject('for good');
    await clock.advance(60_000);
    lane.add(record(3));
    await clock.advance(60_000);
    expect(failures).toEqual(['for good']);
    expect(requests).toHaveLength(1);
    expect(durable).toEqual([]);
  });

  it('once stopped lets the request on its way end, and repeats it no more', async () => {
    const { clock, requests, retries, lane } = createLane();
    lane.add(record(1));
    await clock.advance(LINGER_MS);
    const stopped = lane.stop();
    requests[0]!.answer.reject(new Error('away'));
    await stopped;
    await clock.advance(60_000);
    expect(requests).toHaveLength(1);
    expect(retries).toEqual([]);
  });
});
