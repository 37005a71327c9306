/** Times without faults: everything must heal by itself, and every book must become what its exchange truly has. */
import { setTimeout as sleep } from 'node:timers/promises';
import { untilReady } from './faults/node-faults.ts';
import type { BookAnswer } from './final-state.ts';
import { askBook } from './final-state.ts';
import type { RunState } from './run-state.ts';

const HEALED_WITHIN_MS = 60_000;
const POLL_MS = 100;
/** How long a market stands still for its last changes to arrive. */
const STILL_MS = 2_500;
const MOVING_MS = 700;

/**
 * Waits until every book is live and true; the market stands still for the comparison and moves on for another try, for a book that is being
 * resynchronised may need its next change. Leaves the market still. What did not heal in time is reported. Returns how long it took, in ms.
 */
export async function untilHealed(state: RunState): Promise<number> {
  const startMs = performance.now();
  const deadlineMs = performance.now() + HEALED_WITHIN_MS;
  let wrong: string[] = ['no node was ready'];
  for (;;) {
    state.markets.startMoving();
    if (await untilReady(state)) {
      await sleep(MOVING_MS);
      state.markets.standStill();
      wrong = await untilTrue(state, STILL_MS);
      if (wrong.length === 0) return performance.now() - startMs;
    }
    if (performance.now() > deadlineMs || state.isOver()) break;
  }
  const tookMs = performance.now() - startMs;
  if (state.isOver()) return tookMs;
  state.report({
    rule: 'heals',
    subject: state.nodes.current?.name ?? 'node',
    expected: `every book live and true within ${HEALED_WITHIN_MS / 1000} s without faults`,
    was: wrong.join('; '),
  });
  return tookMs;
}

async function untilTrue(state: RunState, withinMs: number): Promise<string[]> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const wrong = await findWrongBooks(state);
    if (wrong.length === 0 || performance.now() > deadlineMs) return wrong;
    await sleep(POLL_MS);
  }
}

async function findWrongBooks({ markets, nodes }: RunState): Promise<string[]> {
  const adminUrl = nodes.current?.adminUrl;
  if (adminUrl === undefined) return ['no node was ready'];
  const found = await Promise.all(
    markets.instruments.map(async (instrument) => {
      try {
        return describeWrong(
          instrument.key,
          await askBook(adminUrl, instrument.key),
          markets.bookOf(instrument),
        );
      } catch (error) {
        return `${instrument.key}: ${String(error).slice(0, 200)}`;
      }
    }),
  );
  return found.filter((wrong) => wrong !== undefined);
}

function describeWrong(key: string, book: BookAnswer, truth: string): string | undefined {
  if (book.status !== 'live') return `${key} is ${book.status} (${book.reason})`;
  return book.text === truth
    ? undefined
    : `${key} is live with ${book.text.slice(0, 80)}… in place of ${truth.slice(0, 80)}…`;
}
