/** A server that runs for the time of the tests only: own port, own folder, and both are gone afterwards. */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 10_000;
/** A port that was free may be taken before the server has it. */
const START_ATTEMPTS = 3;

/** @returns {Promise<number>} a port that nothing listens on right now */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Returns a new temporary folder, owned by `account` where one is given. */
export function createFolder(name, account) {
  const folder = mkdtempSync(join(tmpdir(), `tampines-${name}-`));
  chmodSync(folder, 0o700);
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  return folder;
}

/**
 * Starts a server and waits until it answers.
 * @param {{ name: string, program: string, folder: string, account?: { uid: number, gid: number }, isDetached?: boolean,
 *   stopSignal: NodeJS.Signals, arguments: (port: number) => string[], probe: (port: number) => Promise<string> }} options
 *   `probe` returns the server's version once it answers, and throws before
 * @returns {Promise<{ port: number, version: string, stop: () => Promise<void> }>}
 */
export async function startServer(options) {
  let lastError;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    try {
      return await startOnce(options, await freePort());
    } catch (error) {
      lastError = error;
    }
  }
  rmSync(options.folder, { recursive: true, force: true });
  throw lastError;
}

async function startOnce(options, port) {
  const { folder, stopSignal } = options;
  const { version, end } = await launch({
    ...options,
    arguments: options.arguments(port),
    probe: () => options.probe(port),
  });
  const stop = async () => {
    await end(stopSignal);
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, version, stop };
}

/**
 * Runs a program and waits until it answers; its folder is left as it is.
 * @param {{ name: string, program: string, arguments: string[], folder: string, account?: { uid: number, gid: number }, isDetached?: boolean,
 *   probe: () => Promise<string> }} options `probe` returns the server's version once it answers, and throws before.
 *   `isDetached`: a Ctrl-C in the terminal does not reach it, for whoever started it to end it after those who need it
 * @returns {Promise<{ version: string, hasExited: () => boolean, end: (signal: NodeJS.Signals) => Promise<void> }>}
 *   `end` resolves when the process is gone; one that does not go in time is killed
 */
export async function launch(options) {
  const { name, folder, account } = options;
  const child = spawn(options.program, options.arguments, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.isDetached === true,
    ...account,
  });
  let output = '';
  const keep = (text) => {
    output = (output + text).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let failure;
  child.once('error', (error) => (failure = error));
  const exited = new Promise((resolve) => child.once('close', resolve));
  const hasExited = () => failure !== undefined || child.exitCode !== null || child.signalCode !== null;

  const deadline = Date.now() + READY_WITHIN_MS;
  let probeError;
  while (!hasExited() && Date.now() < deadline) {
    try {
      const version = await options.probe();
      return { version, hasExited, end: (signal) => end(child, exited, signal) };
    } catch (error) {
      probeError = error;
      await sleep(50);
    }
  }
  if (!hasExited()) child.kill('SIGKILL');
  throw new Error(`${name} did not start: ${failure ?? probeError}\n${output}`);
}

async function end(child, exited, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  const isLate = Symbol('late');
  const outcome = await Promise.race([exited, sleep(STOP_WITHIN_MS, isLate, { ref: false })]);
  if (outcome === isLate) {
    child.kill('SIGKILL');
    await exited;
  }
}
