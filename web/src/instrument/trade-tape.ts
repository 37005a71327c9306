/** The newest trades, each once, whether they came from the REST or the stream. */
import type { Trade } from 'tampines/client';

export const TAPE_TRADES = 60;

/** Returns the newest of both, newest first; the order of trades of one millisecond is that in which they were told. */
export function withTrades(tape: readonly Trade[], told: readonly Trade[]): readonly Trade[] {
  const known = new Set(tape.map(({ tradeId }) => tradeId));
  const news = told.filter(({ tradeId }) => !known.has(tradeId));
  if (news.length === 0) return tape;
  return [...news.toReversed(), ...tape].sort((a, b) => b.eventTimeMs - a.eventTimeMs).slice(0, TAPE_TRADES);
}
