/** What instruments of a node have folded since they began, told by themselves. */
import type { TampinesNode } from '../../src/main.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { FoldedCounts } from './loading-exchange.ts';

export async function countFolded(
  { instruments }: TampinesNode,
  names: readonly InstrumentKey[],
): Promise<FoldedCounts & { readonly checksums: number }> {
  const counts = { deltas: 0, trades: 0, checksums: 0 };
  for (const name of names) {
    await instruments.view(name, ({ state: { counters } }) => {
      counts.deltas += counters.deltasApplied;
      counts.trades += counters.tradesLive;
      counts.checksums += counters.checksumsOk;
    });
  }
  return counts;
}
