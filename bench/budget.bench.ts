/**
 * What a frame costs on its whole way through a node, station by station: nanoseconds of the main thread and bytes allocated. Real Postgres that
 * waits for its disk, real Redis; without them nothing is measured.
 */
import { profileAllocations, profileTime } from './budget/profiles.ts';
import { shareOut } from './budget/stations.ts';
import { LoadedNode, SYMBOL_COUNT } from './end-to-end/loaded-node.ts';
import { MUCH_QUOTED } from './feeds/market-moments.ts';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { alignColumns, grouped } from './harness/report.ts';
import { realServers } from './harness/services.ts';

const FRAMES_PER_RUN = 200_000;

export const budget: BenchmarkGroup = {
  name: 'budget',
  title: 'The budget of a frame: where its time goes, and what it allocates',
  async open() {
    const notes: string[] = [];
    const servers = await realServers(notes);
    if (servers !== undefined) {
      const { title, postgresUrl, redisUrl } = servers;
      const node = await LoadedNode.start({
        ...{ title, postgresUrl, redisUrl },
        framesPerRun: FRAMES_PER_RUN,
        runsMax: 3,
        pace: MUCH_QUOTED,
      });
      await node.run();
      const ns = shareOut(await profileTime(() => node.run()));
      const bytes = shareOut(await profileAllocations(() => node.run()));
      notes.push(
        `${SYMBOL_COUNT} symbols, Kraken v2, per frame:\n\n${formatBudget(ns, bytes)}\n`,
        node.summary(),
      );
      await node.close();
      await servers.close();
    }
    return { benchmarks: [], notes, close: () => Promise.resolve() };
  },
};

function formatBudget(ns: ReadonlyMap<string, number>, bytes: ReadonlyMap<string, number>): string {
  const stations = new Set([...ns.keys(), ...bytes.keys()]);
  const row = (name: string, nsSum: number, byteSum: number): string[] => [
    name,
    grouped(nsSum / FRAMES_PER_RUN),
    grouped(byteSum / FRAMES_PER_RUN),
  ];
  return alignColumns([
    ['station', 'ns a frame', 'bytes a frame'],
    ...Array.from(stations, (name) => row(name, ns.get(name) ?? 0, bytes.get(name) ?? 0)),
    row('all', sum(ns), sum(bytes)),
  ]);
}

function sum(shares: ReadonlyMap<string, number>): number {
  return Array.from(shares.values()).reduce((total, share) => total + share, 0);
}
