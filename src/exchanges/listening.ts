/**
 * When a connection was last heard of, and whether anybody listened: whoever does not read can't call the other side silent, and what it said
 * meanwhile lies unread for some more time.
 */

import type { Moment } from './moment.ts';

/** Ticks come four times a second. After one that is this late, what arrived meanwhile has still to be read. */
export const STOOD_STILL_MS = 2_000;

export class Listening {
  #lastSound: Moment | undefined;
  /** When nobody listened last. */
  #excusedMs = -Infinity;
  #lastTickMs = 0;
  #isDeaf = false;

  begin(now: Moment): void {
    this.#lastSound = now;
    this.#lastTickMs = now.monotonicMs;
  }

  heard(now: Moment): void {
    this.#lastSound = now;
  }

  /** Returns since when the other side can be called silent. */
  tick(nowMs: number, { isPaused }: { isPaused: boolean }): number {
    this.#isDeaf = isPaused || nowMs - this.#lastTickMs > STOOD_STILL_MS;
    this.#lastTickMs = nowMs;
    if (this.#isDeaf) this.#excusedMs = nowMs;
    return Math.max(this.#lastSound?.monotonicMs ?? nowMs, this.#excusedMs);
  }

  /** `undefined` before it was opened. */
  get lastSound(): Moment | undefined {
    return this.#lastSound;
  }

  /** At the last tick the socket was paused, or ticks had stood still: what comes next may be old. */
  get isDeaf(): boolean {
    return this.#isDeaf;
  }
}
