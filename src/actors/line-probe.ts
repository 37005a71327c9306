/**
 * Finds a socket that is open and dead (half-open: the other side, or a router between, is gone without a word). Every WebSocket answers pings
 * (RFC 6455 §5.5.2), whatever its exchange speaks above them. Pure: the time is handed in, by a clock that nobody sets.
 */
import { STOOD_STILL_MS } from '../exchanges/listening.ts';

/** Silence after which the other side is asked whether it is there. */
export const PROBE_AFTER_MS = 10_000;
/** Silence after asking at which it is taken for gone. */
export const ANSWER_WITHIN_MS = 5_000;
/** The same for a side that has not answered yet: it may be one that never does, though it must. */
export const FIRST_ANSWER_WITHIN_MS = 30_000;

export class LineProbe {
  #lastTickMs: number;
  #heardMs: number;
  #askedMs: number | undefined;
  #isKnownToAnswer = false;
  /** It spoke long after it was asked, and not of that: its silence tells nothing. */
  #isKnownToIgnore = false;

  constructor(nowMs: number) {
    this.#lastTickMs = nowMs;
    this.#heardMs = nowMs;
  }

  /** Something came: a frame, a ping. As good as an answer, once it is known that there are answers. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    if (this.#isKnownToAnswer) this.#askedMs = undefined;
    else if (this.#askedMs !== undefined && nowMs - this.#askedMs >= ANSWER_WITHIN_MS) {
      this.#isKnownToIgnore = true;
    }
  }

  answered(nowMs: number): void {
    this.#isKnownToAnswer = true;
    this.#isKnownToIgnore = false;
    this.heard(nowMs);
  }

  /** Returns what to do: `ask` sends a ping, `dead` ends the socket. Whoever does not listen calls nobody silent. */
  tick(nowMs: number, isPaused: boolean): 'ask' | 'dead' | undefined {
    const stoodStill = nowMs - this.#lastTickMs > STOOD_STILL_MS;
    this.#lastTickMs = nowMs;
    if (stoodStill || isPaused) this.#excuse(nowMs);
    if (this.#askedMs === undefined) {
      // The first question comes at once: its answer tells whether there will be others.
      if (this.#isKnownToAnswer && nowMs - this.#heardMs < PROBE_AFTER_MS) return undefined;
      this.#askedMs = nowMs;
      return 'ask';
    }
    if (this.#isKnownToIgnore) return undefined;
    if (this.#isKnownToAnswer) return nowMs - this.#askedMs >= ANSWER_WITHIN_MS ? 'dead' : undefined;
    return nowMs - Math.max(this.#askedMs, this.#heardMs) >= FIRST_ANSWER_WITHIN_MS ? 'dead' : undefined;
  }

  /** Nobody listened until now: what came meanwhile, an answer perhaps, is still to be read. */
  #excuse(nowMs: number): void {
    this.#heardMs = nowMs;
    if (this.#askedMs !== undefined) this.#askedMs = this.#isKnownToAnswer ? undefined : nowMs;
  }
}
