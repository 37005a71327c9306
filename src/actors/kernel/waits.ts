import type { Timers } from '../../base/clock.ts';

/** Waits that others may cut short, and work that is waited for only so long. */
export class Waits {
  readonly #timers: Timers;
  readonly #interrupts = new Set<() => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Waits unless it is interrupted; returns whether it waited to the end. */
  wait(delayMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isElapsed: boolean) => {
        timer.cancel();
        this.#interrupts.delete(interrupt);
        resolve(isElapsed);
      };
      const interrupt = () => end(false);
      const timer = this.#timers.after(delayMs, () => end(true));
      this.#interrupts.add(interrupt);
    });
  }

  interruptAll(): void {
    for (const interrupt of [...this.#interrupts]) interrupt();
  }

  /** Returns whether the work, which must not reject, was done in time. */
  async within(deadlineMs: number, work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(deadlineMs, () => resolve(false));
      void work.then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }
}
