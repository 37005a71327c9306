import type { Clock, TimerHandle, Timers } from './base/clock.ts';
import type { Log } from './base/log.ts';

/** What has to be closed, in the reverse order of its start; a phase that fails or takes too long does not keep the others from closing. */
export class Closers {
  readonly #log: Log;
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #phases: { name: string; close: (deadlineMs: number) => Promise<void> }[] = [];
  #closing: Promise<void> | undefined;

  constructor(options: { log: Log; deadlineMs: number; clock: Clock; timers: Timers }) {
    this.#log = options.log;
    this.#deadlineMs = options.deadlineMs;
    this.#clock = options.clock;
    this.#timers = options.timers;
  }

  add(name: string, close: (deadlineMs: number) => Promise<void>): void {
    this.#phases.push({ name, close });
  }

  closeAll(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const endMs = this.#clock.monotonicMs() + this.#deadlineMs;
    for (const { name, close } of this.#phases.reverse()) {
      // A late phase still gets a moment, else one slow phase would keep the storage open.
      const remainingMs = Math.max(200, endMs - this.#clock.monotonicMs());
      const outcome = await withDeadline(close(remainingMs), remainingMs, this.#timers);
      if (outcome === 'late')
        this.#log.warn(
          { phase: name, deadlineMs: Math.round(remainingMs) },
          'shutdown phase took too long, going on',
        );
      else if (outcome !== 'done')
        this.#log.error({ phase: name, err: outcome }, 'shutdown phase failed, going on');
    }
  }
}

/** Resolves with how the work ended: `done`, `late` when it was not done in time, else the error it failed with. */
async function withDeadline(work: Promise<void>, deadlineMs: number, timers: Timers): Promise<unknown> {
  let timer: TimerHandle | undefined;
  const late = new Promise((resolve) => {
    timer = timers.after(deadlineMs, () => resolve('late'));
  });
  const done = work.then(
    () => 'done',
    (error: unknown) => error,
  );
  const outcome = await Promise.race([done, late]);
  timer?.cancel();
  return outcome;
}
