/**
 * The thread of `loop-watchdog.ts`: looks whether the main thread's loop still turns, and ends the process when it has not for too long.
 * Counts its own looks and not the time between them, so that a process that was stopped and continued is not taken for one that hangs.
 */
import { writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { workerData } from 'node:worker_threads';

export type LoopWatchdogInput = {
  /** Two counters: turns of the loop, and one that never changes, to wait on. */
  readonly counters: Int32Array<SharedArrayBuffer>;
  readonly blockedMaxMs: number;
};

const { counters, blockedMaxMs } = workerData as LoopWatchdogInput;
const lookMs = Math.min(1_000, Math.max(10, blockedMaxMs / 10));
let seenCount = Atomics.load(counters, 0);
let silentMs = 0;

for (;;) {
  const startMs = performance.now();
  Atomics.wait(counters, 1, 0, lookMs);
  const count = Atomics.load(counters, 0);
  silentMs = count === seenCount ? silentMs + Math.min(performance.now() - startMs, 2 * lookMs) : 0;
  seenCount = count;
  if (silentMs > blockedMaxMs) {
    writeSync(
      2,
      `tampines: the event loop was blocked for more than ${blockedMaxMs} ms (node.blockedMaxMs): some code does not return. ` +
        'Ending the process with SIGABRT; what was acknowledged is in the journal, start it again\n',
    );
    process.kill(process.pid, 'SIGABRT');
  }
}
