/**
 * A thousand clients of a node's stream, on fifty instruments that change ten times a second, in processes of their own: how late messages are, what
 * they cost the node, and how late its actors are with and without them.
 */
import { LoadedNode } from './end-to-end/loaded-node.ts';
import { PublishProbe } from './gateway/publish-probe.ts';
import { StreamClients } from './gateway/stream-clients.ts';
import { percentiles } from './harness/percentiles.ts';
import { MUCH_TRADED } from './feeds/market-moments.ts';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { realServers } from './harness/services.ts';

const SYMBOL_COUNT = 50;
const CLIENT_COUNT = 1_000;
/** Enough that every book has changed whenever it is due, ten times a second. */
const LOAD = { framesPerSecond: 2_500, frameCount: 2_500 * 15 };
const PHASES = ['without clients', 'clients, plain', 'clients, compressed', 'without clients again'] as const;
/** What the node is to keep to. */
const P99_BAR_MS = 100;

export const gateway: BenchmarkGroup = {
  name: 'gateway',
  title: `Stream: ${CLIENT_COUNT.toLocaleString('en-US')} clients on ${SYMBOL_COUNT} instruments`,
  async open() {
    const notes: string[] = [];
    const servers = await realServers(notes);
    if (servers === undefined) return { benchmarks: [], notes, close: () => Promise.resolve() };
    const { title, postgresUrl, redisUrl } = servers;
    const run = await LoadedNode.start({
      ...{ title, postgresUrl, redisUrl },
      pace: MUCH_TRADED,
      framesPerRun: LOAD.frameCount,
      runsMax: PHASES.length + 1,
      symbolCount: SYMBOL_COUNT,
    });
    // Until everything is compiled and every book is there.
    await run.run(LOAD);
    for (const phase of PHASES) notes.push(...(await runPhase(run, phase)));
    notes.push(
      `${LOAD.framesPerSecond.toLocaleString('en-US')} frames/s for ${LOAD.frameCount / LOAD.framesPerSecond} s in each phase; each client reads one book of 50 levels a side. Lateness of a message: publish time to the client's hands, all processes on one machine. Wanted: p99 below ${P99_BAR_MS} ms.`,
    );
    return {
      benchmarks: [],
      notes,
      close: async () => {
        await run.close();
        await servers.close();
      },
    };
  },
};

async function runPhase(run: LoadedNode, phase: (typeof PHASES)[number]): Promise<string[]> {
  const channels = Array.from(
    { length: CLIENT_COUNT },
    (_, index) => `orderbook:kraken:C${index % SYMBOL_COUNT}-USD:1`,
  );
  const clients = phase.startsWith('without')
    ? undefined
    : await StreamClients.connect({
        url: `${run.node.adminUrl.replace('http', 'ws')}/v1/stream`,
        channels,
        takesDeflate: phase === 'clients, compressed',
      });
  const probe = new PublishProbe(run.node.publisher);
  clients?.begin();
  const startCpu = process.cpuUsage();
  const startMs = performance.now();
  await run.run(LOAD);
  const { user, system } = process.cpuUsage(startCpu);
  const seconds = (performance.now() - startMs) / 1_000;
  const counted = (await clients?.report()) ?? [];
  await clients?.close();
  const cpuShare = ((user + system) / 1e4 / seconds).toFixed(0);
  const lines = [`${phase}: node ${cpuShare} % of a core; a book is published every ${probe.end()}`];
  if (counted.length === 0) return lines;
  const latenessMs = counted.flatMap((each) => each.latenessMs);
  const sum = (valueOf: (each: (typeof counted)[number]) => number): number =>
    counted.reduce((total, each) => total + valueOf(each), 0);
  const perSecond = (count: number): string => Math.round(count / seconds).toLocaleString('en-US');
  lines.push(
    `${phase}: ${perSecond(latenessMs.length)} messages/s, late by ${percentiles(latenessMs)}; ` +
      `${sum(({ skippedCount }) => skippedCount)} passed over, ${perSecond(sum(({ bytes }) => bytes))} bytes/s; ` +
      `the clients took ${(sum(({ cpuMs }) => cpuMs) / 10 / seconds).toFixed(0)} % of a core`,
  );
  return lines;
}
