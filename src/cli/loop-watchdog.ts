/**
 * Ends the process when its event loop hangs: code that does not return can't be cut off from within, so a thread beside it watches, and a
 * supervisor (systemd, an orchestrator) starts the process again.
 */
import { Worker } from 'node:worker_threads';
import type { Timers } from '../base/clock.ts';
import type { LoopWatchdogInput } from './loop-watchdog-worker.ts';

/** Starts watching; 0 watches nothing. The thread does not keep the process alive. */
export function startLoopWatchdog(options: { blockedMaxMs: number; timers: Timers }): { stop(): void } {
  const { blockedMaxMs, timers } = options;
  if (blockedMaxMs === 0) return { stop: () => undefined };
  const counters = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const beat = timers.every(Math.min(500, Math.max(5, blockedMaxMs / 20)), () => Atomics.add(counters, 0, 1));
  const worker = createWorker({ counters, blockedMaxMs });
  worker.unref();
  return {
    stop: () => {
      beat.cancel();
      void worker.terminate();
    },
  };
}

/** Compiled code runs as it is; from source (tests) the thread first needs the loader for TypeScript. */
function createWorker(workerData: LoopWatchdogInput): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./loop-watchdog-worker.js', import.meta.url), { workerData });
  }
  const source = new URL('./loop-watchdog-worker.ts', import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  return new Worker(
    `import(${JSON.stringify(tsx)}).then(({ tsImport }) => tsImport(${JSON.stringify(source)}, ${JSON.stringify(source)}))`,
    { workerData, eval: true },
  );
}
