/**
 * What a node does for 10,000 instruments while nothing changes but time, and no more than that: in virtual time, without sockets, Postgres and Redis.
 * All of them traded once before, so that each has candles to close. The same work in each run, so that two versions can be compared at any load.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { BenchmarkGroup } from './harness/benchmark.ts';
import { grouped } from './harness/report.ts';
import type { QuietOrder, QuietReport } from './quiet/quiet-process.ts';

const INSTRUMENT_COUNT = Number(process.env['SCALE_BENCH_INSTRUMENTS'] ?? 10_000);

export const quiet: BenchmarkGroup = {
  name: 'quiet',
  title: 'A node of 10,000 quiet instruments, in virtual time',
  async open() {
    const order: QuietOrder = {
      instrumentCount: INSTRUMENT_COUNT,
      profileDirectory: process.env['SCALE_BENCH_PROFILE'],
    };
    const reports = await runApart(order);
    return { benchmarks: [], notes: reports.map(describeReport), close: () => Promise.resolve() };
  },
};

function describeReport({ title, coreShare, entryCount, closedCount, longestTurnsMs }: QuietReport): string {
  return [
    `${title}: ${(100 * coreShare).toFixed(1)} % of a core`,
    `${grouped(entryCount)} log entries, ${grouped(closedCount)} closed candles`,
    `longest turns of the loop ${longestTurnsMs.map((ms) => ms.toFixed(0)).join(', ')} ms of processor time`,
  ].join('; ');
}

/** Runs the node in a process that is started as the command is. */
async function runApart(order: QuietOrder): Promise<readonly QuietReport[]> {
  const node = fork(join(import.meta.dirname, 'quiet/quiet-process.js'), {
    execArgv: ['--max-semi-space-size=64'],
  });
  node.send(order);
  const [reports] = (await Promise.race([
    once(node, 'message'),
    once(node, 'exit').then(([code]) => {
      throw new Error(`The node ended with code ${String(code)}`);
    }),
  ])) as [readonly QuietReport[]];
  return reports;
}
