/**
 * Keeps a node's lease on what it claimed: asks every third of it whether that is still its own, tells when it ran out and when it is held again, and
 * ends with the first answer that names somebody else. What the lease means is `supervision/lease.ts`; who asks before speaking is told by `PublishLease`.
 */
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import { momentOf } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { describeCause } from '../supervision/failure.ts';
import { Lease, type LeaseMoment } from '../supervision/lease.ts';
import type { PublishLease, ShardHolder } from './ports.ts';

/** Questions under way at once: one that hangs on a dead connection does not keep the next from being asked on another. */
const QUESTIONS_MAX = 3;
/** How often a lease that ran out is asked for again, at most. */
const LOST_RETRY_MS = 1_000;

/** What subscribers read while the node can't be sure that its instruments are still its own. */
export const LEASE_LOST_REASON = 'the node could not confirm that the instrument is still its own';

/** `holder`: whose it is now; `undefined` where the row is gone. */
export type LeaseAnswer =
  { readonly isOwn: true } | { readonly isOwn: false; readonly holder: ShardHolder | undefined };

export type LeaseKeeperOptions = {
  /** What was claimed, for the log. */
  readonly claimed: Readonly<Record<string, unknown>>;
  readonly leaseMs: number;
  /** The moment before the claim was sent. */
  readonly claimedAt: LeaseMoment;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Whether it is still this node's own. May hang or fail while the database is away. */
  readonly ask: (timeoutMs: number) => Promise<LeaseAnswer>;
  /** The lease ran out: nothing may be said as sure any more. */
  readonly onLost: () => void;
  /** It is held again, after `onLost`. */
  readonly onRegained: () => void;
  /** Somebody else holds the shard (`undefined`: its row is gone). Called once; nothing follows. */
  readonly onFenced: (holder: ShardHolder | undefined) => void;
};

export class LeaseKeeper implements PublishLease {
  readonly #options: LeaseKeeperOptions;
  readonly #lease: Lease;
  readonly #onHeld = new Set<() => void>();
  #renewal: TimerHandle | undefined;
  #expiry: TimerHandle | undefined;
  #questionCount = 0;
  #isStopped = false;
  /** When the loss was noticed; `undefined` while it is held. */
  #lostAtMs: number | undefined;
  #lossCount = 0;
  #lastErrorText = '';

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#lease = new Lease(options.leaseMs, options.claimedAt);
  }

  start(): void {
    this.#armExpiry();
    this.#renewLater();
  }

  stop(): void {
    this.#isStopped = true;
    this.#renewal?.cancel();
    this.#expiry?.cancel();
  }

  isHeld(): boolean {
    return this.#lease.isHeldAt(momentOf(this.#options.clock));
  }

  onHeld(listener: () => void): () => void {
    this.#onHeld.add(listener);
    // Somebody waits: after a freeze the question need not wait for its timer.
    void this.#ask();
    return () => this.#onHeld.delete(listener);
  }

  /** Whether a newer owner is known. */
  get isFenced(): boolean {
    return this.#lease.isFenced;
  }

  /** Ms until the lease runs out, 0 once it has; how often it did; what the newest failed question met, empty after an answer. */
  get health(): { readonly remainingMs: number; readonly lossCount: number; readonly lastErrorText: string } {
    const remainingMs = Math.max(0, this.#lease.remainingMs(momentOf(this.#options.clock)));
    return { remainingMs, lossCount: this.#lossCount, lastErrorText: this.#lastErrorText };
  }

  /** Asks at once: a write was refused because of a newer claim. */
  check(): void {
    void this.#ask();
  }

  #renewLater(): void {
    if (this.#isStopped) return;
    const thirdMs = this.#lease.leaseMs / 3;
    const delayMs = this.#lostAtMs === undefined ? thirdMs : Math.min(thirdMs, LOST_RETRY_MS);
    this.#renewal?.cancel();
    this.#renewal = this.#options.timers.after(delayMs, () => {
      this.#noticeLoss();
      void this.#ask();
      this.#renewLater();
    });
  }

  #armExpiry(): void {
    if (this.#isStopped) return;
    const remainingMs = this.#lease.remainingMs(momentOf(this.#options.clock));
    this.#expiry?.cancel();
    this.#expiry = this.#options.timers.after(Math.max(1, remainingMs), () => {
      if (this.isHeld()) this.#armExpiry();
      else this.#noticeLoss();
    });
  }

  #noticeLoss(): void {
    if (this.#isStopped || this.#lostAtMs !== undefined || this.isHeld()) return;
    const { clock, claimed, log, onLost } = this.#options;
    this.#lostAtMs = clock.monotonicMs();
    this.#lossCount++;
    log.error(
      {
        ...claimed,
        leaseMs: this.#lease.leaseMs,
        overdueMs: Math.round(-this.#lease.remainingMs(momentOf(clock))),
        cause: this.#lastErrorText === '' ? 'no answer came in time' : this.#lastErrorText,
      },
      'lease lost: publishing waits until the database confirms that this node still owns its instruments',
    );
    onLost();
    void this.#ask();
    this.#renewLater();
  }

  async #ask(): Promise<void> {
    if (this.#isStopped || this.#questionCount >= QUESTIONS_MAX) return;
    const { clock, ask } = this.#options;
    const sent = momentOf(clock);
    this.#questionCount++;
    try {
      const answer = await ask(this.#lease.leaseMs);
      this.#lastErrorText = '';
      if (answer.isOwn) this.#confirm(sent);
      else this.#fence(answer.holder);
    } catch (error) {
      this.#lastErrorText = describeCause(error);
    } finally {
      this.#questionCount--;
    }
  }

  #confirm(sent: LeaseMoment): void {
    if (this.#isStopped) return;
    const { clock, claimed, log, onRegained } = this.#options;
    this.#lease.confirm(sent);
    if (!this.isHeld()) return;
    if (this.#lostAtMs !== undefined) {
      const lostMs = Math.round(clock.monotonicMs() - this.#lostAtMs);
      this.#lostAtMs = undefined;
      log.info({ ...claimed, lostMs }, 'lease held again: publishing goes on');
      onRegained();
      this.#renewLater();
    }
    this.#armExpiry();
    for (const listener of [...this.#onHeld]) listener();
  }

  #fence(holder: ShardHolder | undefined): void {
    if (this.#isStopped) return;
    const { claimed, log, onFenced } = this.#options;
    this.#lease.fence();
    this.stop();
    log.error(
      {
        ...claimed,
        holder: holder?.owner ?? 'nobody: the row of the shard is gone',
        holderEpoch: holder?.epoch,
        holderSinceMs: holder?.claimedAtMs,
      },
      'fenced: another node owns these instruments now; this one lets go without writing and ends',
    );
    onFenced(holder);
  }
}
