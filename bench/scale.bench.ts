/**
 * How far one node goes: 10,000 instruments, nearly all of them quiet, against 10. Real Postgres and Redis, an exchange and the node in processes
 * of their own; without those only the parts that need none are measured.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { MUCH_TRADED } from './feeds/market-moments.ts';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { grouped } from './harness/report.ts';
import { realPostgres, realRedis } from './harness/services.ts';
import type { ScaleOrder, ScaleReport } from './scale/scale-process.ts';
import { describeWindowMemory, tickerBenchmarks } from './scale/tickers.ts';

/** Fewer, and some of the runs, while something is worked on. */
const INSTRUMENT_COUNT = Number(process.env['SCALE_BENCH_INSTRUMENTS'] ?? 10_000);
const RUNS_WITH = process.env['SCALE_BENCH_ONLY'] ?? '';
const HOT_COUNT = 10;
const LOAD = { framesPerRun: 50_000, runsMax: 8, idleMs: 60_000, pace: MUCH_TRADED };

const RUNS = [
  { title: 'few', instrumentCount: HOT_COUNT, settings: [] },
  { title: 'carry', instrumentCount: INSTRUMENT_COUNT, settings: [] },
  { title: 'skip', instrumentCount: INSTRUMENT_COUNT, settings: ['candles.emptyIntervals=skip'] },
];

export const scale: BenchmarkGroup = {
  name: 'scale',
  title: 'Scale of one node: 10,000 instruments, 10 of them busy',
  async open() {
    const notes: string[] = [];
    const postgres = await realPostgres(notes);
    const redis = await realRedis(notes);
    const close = async (): Promise<void> => {
      await postgres?.close();
      await redis?.close();
    };
    try {
      if (postgres !== undefined && redis !== undefined && 'url' in postgres.location) {
        const servers = { postgresUrl: postgres.location.url, redisUrl: redis.location };
        for (const { title, instrumentCount, settings } of RUNS.filter((run) =>
          run.title.includes(RUNS_WITH),
        )) {
          const quietCount = instrumentCount - HOT_COUNT;
          const order = {
            title,
            ...servers,
            ...LOAD,
            symbolCount: HOT_COUNT,
            quietCount,
            settings,
            profileDirectory: process.env['SCALE_BENCH_PROFILE'],
          };
          notes.push(describeRun(title, instrumentCount, await runApart(order)));
        }
      }
      notes.push(describeWindowMemory());
    } catch (error) {
      await close();
      throw error;
    }
    return { benchmarks: tickerBenchmarks(INSTRUMENT_COUNT), notes, close };
  },
};

function describeRun(title: string, instrumentCount: number, report: ScaleReport): string {
  const { cpuNsPerFrame, publishedInSlot } = report;
  const count = (value: number): string => grouped(value);
  return [
    `${title}: ${count(instrumentCount)} instruments, live after ${(report.liveAfterMs / 1_000).toFixed(0)} s`,
    `resident ${count(report.residentMb)} MB (heap ${count(report.heapMb)}, beside it ${count(report.buffersMb)})`,
    `CPU of a frame at the busy ones ${cpuNsPerFrame.map((ns) => (ns / 1_000).toFixed(1)).join(', ')} µs by rounds`,
    `while nothing changes but time ${(100 * report.idleShare).toFixed(1)} % of a core, with ${count(report.logEntries)} log entries and ${count(report.closedCandles)} closed candles in ${LOAD.idleMs / 1_000} s`,
    `values handed over in 10 ms then: ${publishedInSlot.mean.toFixed(1)} on average, ${publishedInSlot.most} at most`,
    `loop held up for at most ${count(report.loadedLoopDelayMs)} ms under load, ${count(report.idleLoopDelayMs)} ms then`,
  ].join('; ');
}

/** Runs the node in a process that is started as the command is. */
async function runApart(order: ScaleOrder): Promise<ScaleReport> {
  await forgetAll(order.redisUrl);
  const node = fork(join(import.meta.dirname, 'scale/scale-process.js'), {
    execArgv: ['--max-semi-space-size=64'],
  });
  node.send(order);
  const [report] = (await Promise.race([
    once(node, 'message'),
    once(node, 'exit').then(([code]) => {
      throw new Error(`The node ended with code ${String(code)}`);
    }),
  ])) as [ScaleReport];
  return report;
}

/** The instruments of one run are those of the next, whose epochs begin anew. */
async function forgetAll(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  await redis.flushall();
  redis.disconnect();
}
