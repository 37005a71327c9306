/**
 * How long a node may take for granted that it still owns what it claimed. Pure: the time is handed in, and asking again is others' business.
 * The epoch keeps a former owner from writing; the lease keeps it from speaking: a process that was frozen finds its lease run out and says
 * nothing before it has asked again.
 */

/** One moment on both clocks, taken just before a question is sent. */
export type LeaseMoment = {
  /** Decides; freezing a process does not stop it. */
  readonly monotonicMs: number;
  /** Also heard, for a machine that was suspended: its monotonic clock may have stood still. A wall clock set back extends nothing. */
  readonly wallMs: number;
};

export class Lease {
  readonly leaseMs: number;
  /** The newest moment at which a question was sent that was answered with yes. */
  #confirmed: LeaseMoment;
  #isFenced = false;

  /** @param claimed the moment before the claim was sent */
  constructor(leaseMs: number, claimed: LeaseMoment) {
    this.leaseMs = leaseMs;
    this.#confirmed = claimed;
  }

  /** Whether less than `leaseMs` have passed, on either clock, since the newest confirmed question was sent, and no newer owner is known. */
  isHeldAt(now: LeaseMoment): boolean {
    return !this.#isFenced && this.remainingMs(now) > 0;
  }

  /** Ms until it runs out; 0 or less once it has. */
  remainingMs(now: LeaseMoment): number {
    const { monotonicMs, wallMs } = this.#confirmed;
    return this.leaseMs - Math.max(now.monotonicMs - monotonicMs, now.wallMs - wallMs);
  }

  /** Takes a yes to the question that was sent at `sent`. An answer that was overtaken by a newer one changes nothing. */
  confirm(sent: LeaseMoment): void {
    if (sent.monotonicMs >= this.#confirmed.monotonicMs) this.#confirmed = sent;
  }

  /** Takes a no, for good: an epoch never comes back. */
  fence(): void {
    this.#isFenced = true;
  }

  get isFenced(): boolean {
    return this.#isFenced;
  }
}
