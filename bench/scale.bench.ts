/**
 * How far one node goes: 10,000 instruments, nearly all of them quiet, against 10. Real Postgres and Redis, an exchange and the node in processes
 * of their own; without those only the parts that need none are measured.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { realPostgres, realRedis } from './harness/services.ts';
import type { ScaleOrder, ScaleReport } from './scale/scale-process.ts';

/** Fewer while something is worked on. */
const INSTRUMENT_COUNT = Number(process.env['SCALE_BENCH_INSTRUMENTS'] ?? 10_000);
const HOT_COUNT = 10;
const LOAD = { framesPerRun: 50_000, runsMax: 4 };
const IDLE_MS = Number(process.env['SCALE_BENCH_IDLE'] ?? 90_000);

export const scale: BenchmarkGroup = {
  name: 'scale',
  title: 'Scale of one node: 10,000 instruments, 10 of them busy',
  async open() {
    const notes: string[] = [];
    const postgres = await realPostgres(notes);
    const redis = await realRedis(notes);
    if (postgres !== undefined && redis !== undefined && 'url' in postgres.location) {
      const { url } = postgres.location;
      const runs = [
        { title: `${HOT_COUNT} instruments`, quietCount: 0, settings: [] },
        { title: 'empty candles: skip', settings: ['candles.emptyIntervals=skip'] },
        { title: 'empty candles: carry', settings: [] },
      ];
      for (const run of runs.filter(({ title }) => title.includes(process.env['SCALE_BENCH_ONLY'] ?? ''))) {
        const report = await runApart({
          quietCount: INSTRUMENT_COUNT - HOT_COUNT,
          ...{ postgresUrl: url, redisUrl: redis.location, symbolCount: HOT_COUNT, idleMs: IDLE_MS },
          ...LOAD,
          ...run,
        });
        notes.push(`${run.title}: ${JSON.stringify(report)}`);
        console.log(`${run.title}: ${JSON.stringify(report)}`);
      }
    }
    return {
      benchmarks: [],
      notes,
      close: async () => {
        await postgres?.close();
        await redis?.close();
      },
    };
  },
};

/** Runs the node in a process that is started as the command is. */
async function runApart(order: ScaleOrder): Promise<ScaleReport> {
  await forgetAll(order.redisUrl);
  const profile = process.env['SCALE_BENCH_PROFILE'];
  const node = fork(join(import.meta.dirname, 'scale/scale-process.js'), {
    execArgv: [
      '--max-semi-space-size=64',
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
    ],
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
