/**
 * Frames that wait for their turn: an exchange takes only so many per window, and none before the connection has settled. Urgent ones (pings,
 * answers to heartbeats) count too but never wait for the window: they are few, and one held back would cost the connection.
 */

export type FrameBudget = { readonly count: number; readonly windowMs: number };

/** A budget of frames that several connections share. */
export interface FrameAllowance {
  /** Takes `count` frames and returns 0, or takes none and returns how long to wait. */
  take(count: number, nowMs: number): number;
  /** Counts frames that went out in any case. */
  spend(count: number, nowMs: number): void;
}

export type OutgoingFrame = {
  readonly text: string;
  /** Called when the frame leaves. */
  readonly onSent?: ((nowMs: number) => void) | undefined;
};

export class FrameOutbox {
  readonly #budget: FrameBudget;
  readonly #shared: FrameAllowance | undefined;
  readonly #send: (frame: string) => void;
  /** Times of the frames sent within the window, oldest first. */
  readonly #sentAtMs: number[] = [];
  #urgent: OutgoingFrame[] = [];
  #waiting: OutgoingFrame[] = [];
  #opensAtMs: number | undefined;

  constructor(options: {
    budget: FrameBudget;
    /** Spent beside `budget` where the exchange counts frames per IP. */
    shared?: FrameAllowance | undefined;
    send: (frame: string) => void;
  }) {
    this.#budget = options.budget;
    this.#shared = options.shared;
    this.#send = options.send;
  }

  get queuedCount(): number {
    return this.#urgent.length + this.#waiting.length;
  }

  /** Frames may leave from `atMs` on. */
  openAt(atMs: number): void {
    this.#opensAtMs = atMs;
  }

  /** Drops what waits; nothing leaves any more. */
  close(): void {
    this.#opensAtMs = undefined;
    this.#urgent = [];
    this.#waiting = [];
  }

  /** Queues a frame in order; urgent ones go before all others. */
  push(frame: OutgoingFrame, options: { isUrgent: boolean }): void {
    (options.isUrgent ? this.#urgent : this.#waiting).push(frame);
  }

  /** Sends what the budget allows now. */
  flush(nowMs: number): void {
    if (this.#opensAtMs === undefined || nowMs < this.#opensAtMs) return;
    for (;;) {
      const isUrgent = this.#urgent.length > 0;
      const queue = isUrgent ? this.#urgent : this.#waiting;
      const hasRoom = this.#countSent(nowMs) < this.#budget.count;
      if (queue.length === 0 || (!isUrgent && !hasRoom)) return;
      if (isUrgent) this.#shared?.spend(1, nowMs);
      else if (this.#shared !== undefined && this.#shared.take(1, nowMs) > 0) return;
      this.#sentAtMs.push(nowMs);
      const frame = queue.shift()!;
      this.#send(frame.text);
      frame.onSent?.(nowMs);
    }
  }

  /** Of the frames that a window takes, the part that was sent within the last one; urgent ones count too. */
  spentPart(nowMs: number): number {
    return this.#countSent(nowMs) / this.#budget.count;
  }

  #countSent(nowMs: number): number {
    while (this.#sentAtMs.length > 0 && this.#sentAtMs[0]! + this.#budget.windowMs <= nowMs) {
      this.#sentAtMs.shift();
    }
    return this.#sentAtMs.length;
  }
}
