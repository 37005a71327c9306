/** A running Redis, whatever there is: the one in the settings, `redis-server` from PATH, else the embedded server. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import type { Timers } from '../base/clock.ts';
import { hasErrorCode, TampinesError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { startEmbeddedRedis } from './embedded-redis.ts';

export type ProvidedRedis = {
  readonly url: string;
  readonly kind: 'external' | 'spawned' | 'embedded';
  /** Stops what was started here; an external Redis is left alone. */
  close(): Promise<void>;
};

export type RedisProviderOptions = {
  /** Empty: start one. */
  readonly url: string;
  /** Of the one that is started; 0, or one that is taken: any free one. */
  readonly port: number;
  readonly timers: Timers;
  readonly log: Log;
  /** Program to look for in PATH; empty: always the embedded server. */
  readonly program?: string;
};

const START_TIMEOUT_MS = 5_000;
const START_POLL_MS = 20;
const STOP_TIMEOUT_MS = 3_000;

/**
 * The shell waits for the server and ends it when its own input ends, which also happens when our process is killed: no server is left over.
 * Input goes through descriptor 3 because a shell gives background jobs none.
 */
const SHELL = `exec 3<&0
"$@" </dev/null >/dev/null 2>&1 3<&- &
server=$!
{ cat <&3 >/dev/null; kill "$server"; } 2>/dev/null &
wait "$server"`;

/** @throws TampinesError `SERVICE_UNAVAILABLE` when neither could be started */
export async function provideRedis(options: RedisProviderOptions): Promise<ProvidedRedis> {
  const { url, log } = options;
  if (url !== '') return { url, kind: 'external', close: () => Promise.resolve() };
  const port = await choosePort(options.port);
  if (options.port !== 0 && port !== options.port) {
    log.warn({ wantedPort: options.port, port }, 'The port for Redis is taken; another one is used');
  }
  const program = options.program ?? 'redis-server';
  const spawned = program === '' ? undefined : await spawnServer(program, port, options.timers);
  if (spawned !== undefined) {
    return { url: `redis://127.0.0.1:${port}`, kind: 'spawned', close: () => stop(spawned, options.timers) };
  }
  const server = await startEmbeddedRedis(port);
  return { url: `redis://127.0.0.1:${server.port}`, kind: 'embedded', close: () => server.close() };
}

/** Returns the server's shell once it answers; `undefined` when the program is not there or ends at once. */
async function spawnServer(program: string, port: number, timers: Timers): Promise<ChildProcess | undefined> {
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    tmpdir(),
  ];
  const shell = spawn('/bin/sh', ['-c', SHELL, 'sh', program, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Of its own group, so that Ctrl-C reaches us first and the last values still get there.
    detached: true,
  });
  const ended = { is: false };
  shell.once('exit', () => (ended.is = true));
  shell.once('error', () => (ended.is = true));
  shell.stdin.on('error', () => undefined);
  for (let waitedMs = 0; waitedMs < START_TIMEOUT_MS && !ended.is; waitedMs += START_POLL_MS) {
    if (await answersPing(port)) return shell;
    await timers.sleep(START_POLL_MS);
  }
  await stop(shell, timers);
  return undefined;
}

async function stop(shell: ChildProcess, timers: Timers): Promise<void> {
  shell.stdin?.end();
  if (shell.exitCode !== null || shell.signalCode !== null || shell.pid === undefined) return;
  const exited = once(shell, 'exit');
  const timer = timers.after(STOP_TIMEOUT_MS, () => killGroup(shell));
  await exited;
  timer.cancel();
}

function killGroup(shell: ChildProcess): void {
  try {
    process.kill(-shell.pid!, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: 1_000 });
    const finish = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (chunk: Buffer) => finish(chunk.toString('latin1').startsWith('+PONG')));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
    socket.once('close', () => resolve(false));
  });
}

/** Returns the wished port when it is free, else a free one. */
async function choosePort(wished: number): Promise<number> {
  try {
    return await probePort(wished);
  } catch (error) {
    if (wished === 0 || !hasErrorCode(error, 'SERVICE_UNAVAILABLE')) throw error;
    return probePort(0);
  }
}

async function probePort(port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch (cause) {
    throw new TampinesError('SERVICE_UNAVAILABLE', `Cannot listen on 127.0.0.1:${port}`, {
      cause,
      fields: { port },
    });
  }
  const { port: free } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return free;
}
