/**
 * Keeps a second process out of a data directory: embedded Postgres has no lock of its own, and two writers destroy it.
 * The lock file names its holder by process id and start time, so that a holder that was killed is told from one that runs.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TampinesError } from '../base/errors.ts';

const LOCK_FILE = 'tampines.lock';

export type DirectoryLock = { release(): void };

/**
 * Takes the directory for this process, creating it where needed.
 * @throws TampinesError `DATA_DIRECTORY_LOCKED` naming the process that has it open; `SETTINGS_INVALID` where it can't be written
 */
export function lockDataDirectory(directory: string): DirectoryLock {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw notWritable(directory, cause);
  }
  const path = join(directory, LOCK_FILE);
  const own = describeProcess(process.pid);
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, own, { flag: 'wx' });
      return { release: () => releaseLock(path, own) };
    } catch (cause) {
      if (!isFileExists(cause)) throw notWritable(directory, cause);
    }
    const holder = readText(path);
    const holderPid = Number.parseInt(holder, 10);
    if (attempt > 0 || (Number.isInteger(holderPid) && holder === describeProcess(holderPid))) {
      throw new TampinesError(
        'DATA_DIRECTORY_LOCKED',
        `Cannot open the data directory ${directory}: process ${holder.split(' ')[0]} has it open (${path})`,
        { fields: { directory, holderPid } },
      );
    }
    // The holder is gone, or its process id belongs to another process by now.
    rmSync(path, { force: true });
  }
}

/** `<pid> <start time>`; the start time in clock ticks since boot where the system tells it, else `running`. Empty when there is no such process. */
function describeProcess(pid: number): string {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it runs, as another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return '';
  }
  const stat = readText(`/proc/${pid}/stat`);
  // Field 22 of proc(5) stat; the name in field 2 may hold spaces, so count from its closing bracket.
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return `${pid} ${startTime ?? 'running'}`;
}

function releaseLock(path: string, own: string): void {
  if (readText(path) === own) rmSync(path, { force: true });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function notWritable(directory: string, cause: unknown): TampinesError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TampinesError(
    'SETTINGS_INVALID',
    `Cannot write to the data directory ${directory}: ${why}; set node.dataDirectory to a folder that can be written`,
    { fields: { directory }, cause },
  );
}

function isFileExists(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
