/** `tampines start`: a node that runs until SIGINT or SIGTERM. */

import { systemClock, systemTimers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { startNode } from '../main.ts';
import { loadSettings } from '../settings.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { createLogger } from './logger.ts';
import { startLoopWatchdog } from './loop-watchdog.ts';

/** @throws TampinesError of whatever could not be started */
export async function start(options: { config: string | undefined; set: readonly string[] }): Promise<void> {
  const { settings, origins } = loadSettings({
    file: options.config,
    environment: process.env,
    assignments: options.set,
  });
  const log = await createLogger(settings.log, { node: settings.node.name, destination: 1 });
  const watchdog = startLoopWatchdog({ blockedMaxMs: settings.node.blockedMaxMs, timers: systemTimers });
  const node = await startNode({ settings, origins, log });
  const signal = await Promise.race([untilStopped(), node.whenFenced.then(() => undefined)]);
  log.info({ signal: signal ?? 'fenced' }, 'shutting down');
  await node.stop();
  log.info({}, 'stopped');
  watchdog.stop();
  if (signal === undefined) process.exit(EXIT_CODES.fenced);
  endWithoutWaiting(log);
}

/** What the phases that took too long still wait for gets this long to end by itself. */
const LEFTOVERS_MAX_MS = 500;

/** A statement of a database that fell silent would keep the process for half a minute, and whoever watches it would kill it: nothing waits for the answer any more. */
function endWithoutWaiting(log: Log): void {
  // Where nothing is left the process is gone before.
  setTimeout(() => {
    log.warn(
      { resources: process.getActiveResourcesInfo() },
      'ended without waiting for what was still under way',
    );
    process.exit(EXIT_CODES.done);
  }, LEFTOVERS_MAX_MS).unref();
}

/** A signal that comes again this soon is the same one: sent to the process group, and passed on by npm or a shell. */
const SAME_SIGNAL_MS = 1_500;

/** Resolves with the first signal that asks to stop. A later one ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAtMs: number | undefined;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        firstAtMs ??= systemClock.monotonicMs();
        if (systemClock.monotonicMs() - firstAtMs > SAME_SIGNAL_MS) process.exit(EXIT_CODES.interrupted);
        resolve(signal);
      });
    }
  });
}
