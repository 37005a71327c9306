/** Waiting for the right to speak: until the lease is held, or there is something to say that needs none. */
import type { PublishLease } from '../actors/ports.ts';

export class LeaseWait {
  readonly #lease: PublishLease | undefined;
  #end: (() => void) | undefined;

  /** Without a lease everything may be said. */
  constructor(lease: PublishLease | undefined) {
    this.#lease = lease;
  }

  readonly isHeld = (): boolean => this.#lease?.isHeld() ?? true;

  async untilHeld(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined || lease.isHeld()) return;
    await new Promise<void>((resolve) => {
      const stopListening = lease.onHeld(() => this.end());
      this.#end = () => {
        this.#end = undefined;
        stopListening();
        resolve();
      };
    });
  }

  /** Ends a wait that is under way. */
  end(): void {
    this.#end?.();
  }
}
