/** The built command line replaying a recording in a process of its own, killed where a test wants it. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'dist/cli/tampines.js');

/** Small checkpoints and batches, so that a small recording makes many writes. */
const ASSIGNMENTS = ['checkpoint.everyEntries=150', 'feed.maxPendingEvents=100'];

export type ReplayPlace =
  { readonly url: string } | { /** As `node.dataDirectory`. */ readonly dataDirectory: string };

export type Kill = {
  /** Which of the statements that write, from 1. */
  readonly statement: number;
  /** Whether it is on its way to the database by then. */
  readonly isSent: boolean;
};

/** Of a replay that came to its end. */
export type ProgramRun = { readonly summary: unknown; readonly writes: number };

/** Returns the results, or `killed`. @throws Error with what the program said when it failed by itself */
export async function runReplay(
  path: string,
  place: ReplayPlace,
  kill?: Kill,
): Promise<ProgramRun | 'killed'> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run \`npm run build\` first`);
  const folder = mkdtempSync(join(tmpdir(), 'replay-program-'));
  const summaryFile = join(folder, 'summary.json');
  const countFile = join(folder, 'count');
  const assignments = [...ASSIGNMENTS];
  if ('dataDirectory' in place) assignments.push(`node.dataDirectory=${place.dataDirectory}`);
  try {
    const { signal, code, errors } = await run(
      [
        ...['--import', 'tsx', join(import.meta.dirname, 'killed-at-statement-process.ts')],
        ...[PROGRAM, 'replay', path, '--summary', summaryFile],
        ...assignments.flatMap((assignment) => ['--set', assignment]),
      ],
      {
        ...process.env,
        ...('url' in place ? { TAMPINES_POSTGRES_URL: place.url } : {}),
        ...(kill === undefined ? {} : { KILL_AT_STATEMENT: String(kill.statement) }),
        ...(kill?.isSent === true ? { KILL_SENT: '1' } : {}),
        STATEMENT_COUNT_FILE: countFile,
      },
    );
    if (signal === 'SIGKILL') return 'killed';
    if (code !== 0) throw new Error(`the replay ended with code ${code}, signal ${signal}: ${errors}`);
    const summary: unknown = JSON.parse(readFileSync(summaryFile, 'utf8'));
    return { summary, writes: Number.parseInt(readFileSync(countFile, 'utf8'), 10) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, errors }));
  });
}
