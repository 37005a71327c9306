/**
 * What a whole node takes for a minute, and how late things are at half of that: frame received → durable, and publication → Redis has it. Real
 * Postgres that waits for its disk, real Redis; without them nothing is measured.
 */
import { LatencyProbe } from './end-to-end/latency-probe.ts';
import { LoadedNode, SYMBOL_COUNT } from './end-to-end/loaded-node.ts';
import { MUCH_QUOTED } from './feeds/market-moments.ts';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { realServers } from './harness/services.ts';

/** Ten seconds at the rate that is wanted, six times and more. */
const INPUT = { framesPerRun: 400_000, runsMax: 8, pace: MUCH_QUOTED };
const HALF_LOAD = { framesPerSecond: 20_000, frameCount: 400_000 };

export const sustained: BenchmarkGroup = {
  name: 'sustained',
  title: 'A minute of load: sockets, checksums, durable journal, tables, Redis',
  async open() {
    const notes: string[] = [];
    const servers = await realServers(notes);
    if (servers === undefined) return { benchmarks: [], notes, close: () => Promise.resolve() };
    const { title, postgresUrl, redisUrl } = servers;
    const run = await LoadedNode.start({
      ...{ title, postgresUrl, redisUrl },
      ...INPUT,
      runsMax: INPUT.runsMax + 1,
    });
    notes.push(
      `${SYMBOL_COUNT} symbols on one connection, Kraken v2 frames of about ten levels and their trades, as fast as they are taken; a round ends when all is durable and folded.`,
    );
    const benchmark = {
      ...run.benchmark(),
      runsMax: INPUT.runsMax,
      finish: async () => {
        notes.push(run.summary());
        const probe = new LatencyProbe(run.node);
        await run.run(HALF_LOAD);
        notes.push(`at ${HALF_LOAD.framesPerSecond.toLocaleString('en-US')} frames/s: ${probe.describe()}`);
      },
    };
    return {
      benchmarks: [benchmark],
      notes,
      close: async () => {
        await run.close();
        await servers.close();
      },
    };
  },
};
