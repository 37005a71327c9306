/** One process of `tampines start`: its log lines, its end, and the signals that it gets. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

export type LogLine = {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
};

export type ProcessEnd = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
};

export type NodeProcessOptions = {
  readonly program: string;
  readonly name: string;
  readonly assignments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly onLine: (line: LogLine) => void;
};

const ERRORS_KEPT_CHARACTERS = 4_000;

export class NodeProcess {
  readonly name: string;
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<(line: LogLine) => void>();
  #end: ProcessEnd | undefined;
  #rest = '';
  adminUrl: string | undefined;
  epoch: number | undefined;
  isFrozen = false;

  constructor(options: NodeProcessOptions) {
    this.name = options.name;
    const assignments = [`node.name=${options.name}`, ...options.assignments];
    this.#child = spawn(
      process.execPath,
      [options.program, 'start', ...assignments.flatMap((assignment) => ['--set', assignment])],
      {
        cwd: options.folder,
        env: { PATH: process.env['PATH'] ?? '', ...options.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let errors = '';
    this.#child.stderr!.on('data', (bytes: Buffer) => {
      errors = (errors + bytes.toString('utf8')).slice(-ERRORS_KEPT_CHARACTERS);
    });
    this.#child.stdout!.on('data', (bytes: Buffer) => this.#read(bytes.toString('utf8'), options.onLine));
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => (errors += String(error)));
      this.#child.once('close', (code, signal) => {
        this.#end = { code, signal, errors };
        resolve(this.#end);
      });
    });
  }

  get end(): ProcessEnd | undefined {
    return this.#end;
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  kill(): Promise<ProcessEnd> {
    this.#child.kill('SIGKILL');
    return this.ended;
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  freeze(): void {
    this.isFrozen = true;
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.isFrozen = false;
    this.#child.kill('SIGCONT');
  }

  /** Resolves with the first line from now on that fits, or `undefined` when the process ends or the time is over before. */
  waitForLine(fits: (line: LogLine) => boolean, withinMs: number): Promise<LogLine | undefined> {
    return new Promise((resolve) => {
      const finish = (line: LogLine | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(listen);
        resolve(line);
      };
      const listen = (line: LogLine): void => {
        if (fits(line)) finish(line);
      };
      const timer = setTimeout(() => finish(undefined), withinMs);
      this.#waiting.add(listen);
      void this.ended.then(() => finish(undefined));
    });
  }

  async waitUntilReady(withinMs: number): Promise<boolean> {
    if (this.adminUrl !== undefined) return true;
    return (await this.waitForLine(({ msg }) => msg === 'node ready', withinMs)) !== undefined;
  }

  #read(text: string, onLine: (line: LogLine) => void): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const text of lines) {
      const line = parseLine(text);
      if (line === undefined) continue;
      if (line.msg === 'node ready' && typeof line['admin'] === 'string') this.adminUrl = line['admin'];
      if (line.msg === 'node starting' && typeof line['epoch'] === 'number') this.epoch = line['epoch'];
      onLine(line);
      for (const listen of [...this.#waiting]) listen(line);
    }
  }
}

const WARN = 40;
/** Names and numbers within a message would make a line of its own of each. */
const PARTICULARS = /\b[a-z]+:[A-Z]+-[A-Z]+\b|\d+/g;

/** Returns what a line at `warn` and above says, without its particulars; `undefined` of any other. */
export function toWarning({ level, msg, err }: LogLine): string | undefined {
  if (level < WARN) return undefined;
  const code = typeof err === 'object' && err !== null && 'code' in err ? ` (${String(err.code)})` : '';
  return msg.replaceAll(PARTICULARS, '…') + code;
}

/** A process that is killed in the middle of a line leaves a piece of one. */
function parseLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
}
