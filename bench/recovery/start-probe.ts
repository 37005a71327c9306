/**
 * Loaded into the node before it starts (`--import`): tells on file descriptor 3 when the first steps of a start begin, which no log line
 * tells, and takes a CPU profile when asked to. It watches the steps from outside, so that the node is the one that is shipped.
 */
import { writeFileSync, writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { isMainThread } from 'node:worker_threads';

export type StartMark = { readonly name: string; readonly timeMs: number; readonly cpuMs: number };

const MARKS_FD = 3;

// Threads of the node load it as well: what it looks at would cost them more than they are for.
if (isMainThread) {
  const { PostgresInstrumentCatalog } = await import('../../src/persistence/instrument-catalog.ts');
  const { PgDatabase } = await import('../../src/persistence/database.ts');
  const { PostgresJournal } = await import('../../src/persistence/postgres-journal.ts');
  markFirstCall(PgDatabase.prototype, 'transaction', 'process start, imports, settings');
  markFirstCall(PostgresJournal.prototype, 'claim', 'Postgres connect, migrations check, Redis connect');
  markFirstCall(PostgresInstrumentCatalog.prototype, 'list', 'claim, actor system');
  const profileFile = process.env['RECOVERY_BENCH_PROFILE'];
  if (profileFile !== undefined) profileUntilAsked(profileFile);
}

function markFirstCall<Name extends string>(
  prototype: Record<Name, (...args: never[]) => unknown>,
  name: Name,
  before: string,
): void {
  const original = prototype[name];
  prototype[name] = function (this: unknown, ...args: never[]): unknown {
    prototype[name] = original;
    const { user, system } = process.cpuUsage();
    const mark: StartMark = { name: before, timeMs: Date.now(), cpuMs: (user + system) / 1_000 };
    writeSync(MARKS_FD, `${JSON.stringify(mark)}\n`);
    return original.apply(this, args);
  };
}

/** SIGUSR2 ends the profile. */
function profileUntilAsked(file: string): void {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  process.on('SIGUSR2', () => {
    session.post('Profiler.stop', (error, { profile }) => {
      if (error === null) writeFileSync(file, JSON.stringify(profile));
      writeSync(MARKS_FD, '{"name":"profile written","timeMs":0,"cpuMs":0}\n');
    });
  });
}
