/** Brings closed candles to their lists: some of the oldest that wait, several lists in one call. */
import type { ClosedCandleQueue, WaitingCandle } from './closed-candle-queue.ts';
import type { PublisherMetrics } from './publisher-metrics.ts';
import type { ScriptCall, ScriptOutcome } from './script-calls.ts';
import { isRetryable, toCounts } from './script-calls.ts';
import { APPEND_CLOSED, NO_LIST } from './scripts.ts';

/** Candles of one call, about: enough to make it cheap, few enough that others aren't kept waiting. */
const CALL_CANDLES_MAX = 100;

type Group = readonly WaitingCandle[];

export type ClosedCandleSending = {
  readonly queue: ClosedCandleQueue;
  readonly metrics: PublisherMetrics;
  readonly isCluster: boolean;
  /** Candles kept per list. */
  readonly listLength: number;
  readonly call: (call: ScriptCall) => Promise<ScriptOutcome>;
  readonly onDropped: (why: string) => void;
};

/** Sends at most `countMax` candles; returns the first error that may pass. What failed with one of those still waits. */
export async function sendClosedCandles(
  sending: ClosedCandleSending,
  countMax: number,
): Promise<Error | undefined> {
  const groups = sending.queue.first(countMax);
  const calls = sending.isCluster ? apart(groups) : inCalls(groups);
  const errors = await Promise.all(calls.map((lists) => sendLists(sending, lists)));
  return errors.find((error) => error !== undefined);
}

async function sendLists(sending: ClosedCandleSending, lists: readonly Group[]): Promise<Error | undefined> {
  const { queue, metrics, listLength, call, onDropped } = sending;
  const outcome = await call(toCall(lists, listLength));
  if (!outcome.ok && isRetryable(outcome.error)) return outcome.error;
  if (!outcome.ok && lists.length > 1) {
    // One of them will never be taken, and no other is to be lost with it.
    const errors = await Promise.all(apart(lists).map((list) => sendLists(sending, list)));
    return errors.find((error) => error !== undefined);
  }
  const rejectedCounts = outcome.ok ? toCounts(outcome.reply) : [];
  for (const [place, group] of lists.entries()) {
    queue.remove(group);
    const rejectedCount = rejectedCounts[place] ?? NO_LIST;
    if (rejectedCount === NO_LIST) {
      const why = outcome.ok ? 'the key holds no list' : outcome.error.message;
      for (const { key } of group) onDropped(`${key}: ${why}`);
      continue;
    }
    metrics.rejectedAsOld += rejectedCount;
    metrics.closedPublished += group.length - rejectedCount;
  }
  return undefined;
}

function apart(groups: readonly Group[]): Group[][] {
  return groups.map((group) => [group]);
}

/** One list at least in each. */
function inCalls(groups: readonly Group[]): Group[][] {
  const calls: Group[][] = [];
  let count = Infinity;
  for (const group of groups) {
    if (count + group.length > CALL_CANDLES_MAX) {
      calls.push([]);
      count = 0;
    }
    calls.at(-1)!.push(group);
    count += group.length;
  }
  return calls;
}

function toCall(groups: readonly Group[], listLength: number): ScriptCall {
  const args: (string | number)[] = [listLength];
  for (const group of groups) {
    args.push(group.length);
    for (const { epoch, seq, value } of group) args.push(epoch, seq, value);
  }
  return { script: APPEND_CLOSED, keys: groups.map(([first]) => first!.key), args };
}
