/**
 * What may wait between the sockets of a node and its symbol actors: limits for each instrument, each book and each connection, and one budget
 * for the whole node, in bytes as `market/event-bytes.ts` counts them. Each connection has a share of it, and reports what it holds.
 *
 * The budget never drops anything: a connection that holds more than its fair share while the node holds too much stops reading. One that holds
 * less goes on, so that connections with quick instruments don't wait for those with slow ones.
 */

export type FeedLimits = {
  /** Book events of one instrument that may wait before its book falls back to a fresh snapshot; events of all kinds before its connection is looked at. */
  readonly maxPendingEvents: number;
  /** The same, in bytes. */
  readonly maxPendingBytes: number;
  /** Bytes of one instrument that may wait, be they trades alone, before its connection stops reading although others on it are quick. */
  readonly maxPendingTradeBytes: number;
  /** Bytes of the whole node: frames, events on their way, deltas held for a book snapshot. */
  readonly maxPendingNodeBytes: number;
};

/** What one connection holds now; while it is left for a successor, the fuller of both counts where a limit is of one socket. */
export type FeedLoad = {
  readonly inboxFrames: number;
  readonly inboxBytes: number;
  /** Of the instrument of which most waits. */
  readonly pendingEventsMax: number;
  readonly pendingBytesMax: number;
  /** Deltas held for book snapshots, of all its books. */
  readonly heldDeltaBytes: number;
  readonly isPaused: boolean;
};

/** Times that a limit was met. */
export type FeedFullCounts = {
  /** The inbox of a line was full, so its socket was paused. */
  inbox: number;
  /** Book events were dropped, the book started again. */
  book: number;
  /** Events were dropped, the actor took none. */
  shed: number;
  /** Events of an instrument were too many, so its socket was paused. */
  pending: number;
  /** The node held too much, so a socket was paused. */
  node: number;
};

export class FeedBudget {
  readonly limits: FeedLimits;
  readonly fullCounts: FeedFullCounts = { inbox: 0, book: 0, shed: 0, pending: 0, node: 0 };
  readonly #shares = new Set<FeedShare>();
  #bytes = 0;

  constructor(limits: FeedLimits) {
    this.limits = limits;
  }

  /** What all connections hold, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get shareCount(): number {
    return this.#shares.size;
  }

  /** Gives a connection its share; `read` is asked when somebody wants to see what it holds. */
  join(read: () => FeedLoad): FeedShare {
    const share = new FeedShare(this, read, {
      change: (byBytes) => {
        this.#bytes += byBytes;
      },
      leave: (left) => {
        this.#shares.delete(left);
      },
    });
    this.#shares.add(share);
    return share;
  }

  loads(): FeedLoad[] {
    return Array.from(this.#shares, (share) => share.read());
  }
}

/** Beyond this part of the budget connections with more than their fair share of it stop reading; the rest is what is under way by then. */
const PRESSURE_PART = 0.5;
/** Below this part they read again. */
const RELIEF_PART = 0.25;

export class FeedShare {
  readonly read: () => FeedLoad;
  readonly #budget: FeedBudget;
  readonly #owner: { change: (byBytes: number) => void; leave: (share: FeedShare) => void };
  #bytes = 0;

  constructor(
    budget: FeedBudget,
    read: () => FeedLoad,
    owner: { change: (byBytes: number) => void; leave: (share: FeedShare) => void },
  ) {
    this.#budget = budget;
    this.read = read;
    this.#owner = owner;
  }

  /** Reports what the connection holds now. */
  hold(bytes: number): void {
    this.#owner.change(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Whether the node holds too much, and this connection more of it than its fair share. */
  get mustPause(): boolean {
    return this.#isOver(PRESSURE_PART);
  }

  get mayResume(): boolean {
    return !this.#isOver(RELIEF_PART);
  }

  leave(): void {
    this.hold(0);
    this.#owner.leave(this);
  }

  #isOver(part: number): boolean {
    const partBytes = this.#budget.limits.maxPendingNodeBytes * part;
    return this.#budget.bytes > partBytes && this.#bytes > partBytes / this.#budget.shareCount;
  }
}
