/** A server program in a child process that is started again and again on the same port. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 30_000;
const PROBE_EVERY_MS = 25;
const STOP_WITHIN_MS = 20_000;

export type ServerCommand = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
  /** Resolves once the server answers, throws before. */
  readonly probe: () => Promise<unknown>;
};

export class ChildServer {
  readonly #command: ServerCommand;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #output = '';
  #isClosed = false;

  constructor(command: ServerCommand) {
    this.#command = command;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and waits until it answers. @throws Error with what it said when it did not in time */
  async start(): Promise<void> {
    const { name, program, args, folder, account, probe } = this.#command;
    if (this.#isClosed) throw new Error(`${name} was closed for good`);
    this.#output = '';
    const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...account });
    const keep = (bytes: Buffer): void => {
      this.#output = (this.#output + bytes.toString('utf8')).slice(-4_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => (this.#output += String(error)));
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once('close', resolve));
    const deadlineMs = performance.now() + READY_WITHIN_MS;
    let last: unknown;
    while (this.isRunning && performance.now() < deadlineMs) {
      try {
        await probe();
        return;
      } catch (error) {
        last = error;
        await sleep(PROBE_EVERY_MS);
      }
    }
    throw new Error(`${name} did not start: ${String(last)}\n${this.#output}`);
  }

  /** Ends it for good: a restart that is under way fails. */
  async close(signal: NodeJS.Signals): Promise<void> {
    this.#isClosed = true;
    await this.stop(signal);
  }

  /** Sends the signal and waits for the end; one that does not end in time is killed. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    this.#child?.kill(signal);
    const outcome = await Promise.race([this.#exited, sleep(STOP_WITHIN_MS, 'late', { ref: false })]);
    if (outcome !== 'late') return;
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('a TCP port was wanted');
  return address.port;
}
