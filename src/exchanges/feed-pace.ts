/**
 * How often one book is usually heard of, so that a dead one can be told from a quiet one. A pure function of the times that it is
 * told (of a clock that nobody sets), a few numbers whatever the feed; knows neither clock nor exchange.
 *
 * A silence is out of the ordinary when it is longer than three times the longest one of late (which fades by half an hour), and than twelve
 * times the mean: at a steady random (Poisson) pace less than one silence in a hundred thousand is. Where all silences are about the same
 * (keepalives of a channel) three times the mean is enough.
 */

/** No silence shorter than this is suspicious, however fast the book. */
export const SILENCE_MIN_MS = 10_000;
/** No silence longer than this is ordinary, however slow it was. */
export const SILENCE_MAX_MS = 6 * 3_600_000;
/** Before it was heard for this long, nothing is known of its pace. */
const WARM_UP_MS = 60_000;
const WARM_UP_EVENTS = 10;
const LONGEST_FACTOR = 3;
const MEAN_FACTOR = 12;
const REGULAR_MEAN_FACTOR = 3;
/** Variance of regular silences, in squared means; that of a Poisson pace is 1. */
const REGULAR_VARIANCE_MAX = 0.1;
/** Silences of which the mean is taken, about: later ones count for more. */
const MEAN_EVENTS = 64;
const HALF_LIFE_MS = 3_600_000;
/** The longest silence fades in steps, so that an event costs no power. */
const FADE_STEP_MS = HALF_LIFE_MS / 16;

export class FeedPace {
  #lastMs: number | undefined;
  /** The silence that ends next is not the book's own doing. */
  #isExcused = false;
  #eventCount = 0;
  #heardForMs = 0;
  #meanMs = 0;
  #varianceMs2 = 0;
  #longestMs = 0;
  #fadedAtMs = 0;

  /** When it was heard last; `undefined` before the first time on this connection. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  get meanMs(): number {
    return this.#meanMs;
  }

  heard(nowMs: number): void {
    const silenceMs = this.#lastMs === undefined || this.#isExcused ? undefined : nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#isExcused = false;
    if (silenceMs === undefined) return;
    this.#eventCount++;
    this.#heardForMs += silenceMs;
    const share = 1 / Math.min(this.#eventCount, MEAN_EVENTS);
    const deviationMs = silenceMs - this.#meanMs;
    this.#meanMs += share * deviationMs;
    this.#varianceMs2 += share * (deviationMs * (silenceMs - this.#meanMs) - this.#varianceMs2);
    this.#learn(silenceMs, nowMs);
  }

  /** Its connection begins anew: what was between is no silence of the book. */
  interrupted(): void {
    this.#lastMs = undefined;
  }

  /** Nobody listened until now (our socket was paused, our process stood still). */
  excuse(nowMs: number): void {
    if (this.#lastMs === undefined) return;
    this.#lastMs = nowMs;
    this.#isExcused = true;
  }

  /** A check showed that the silence was the book's own: nothing had changed. */
  wasQuiet(silenceMs: number, nowMs: number): void {
    this.#learn(silenceMs, nowMs);
  }

  /** Returns how long a silence is still ordinary; `undefined` while its pace is not known. */
  patienceMs(nowMs: number): number | undefined {
    if (this.#heardForMs < WARM_UP_MS || this.#eventCount < WARM_UP_EVENTS) return undefined;
    this.#fade(nowMs);
    const isRegular =
      this.#eventCount >= MEAN_EVENTS && this.#varianceMs2 <= REGULAR_VARIANCE_MAX * this.#meanMs ** 2;
    const meanFactor = isRegular ? REGULAR_MEAN_FACTOR : MEAN_FACTOR;
    const ordinaryMs = Math.max(LONGEST_FACTOR * this.#longestMs, meanFactor * this.#meanMs);
    return Math.min(SILENCE_MAX_MS, Math.max(SILENCE_MIN_MS, ordinaryMs));
  }

  #learn(silenceMs: number, nowMs: number): void {
    this.#fade(nowMs);
    if (silenceMs > this.#longestMs) this.#longestMs = silenceMs;
  }

  #fade(nowMs: number): void {
    const sinceMs = nowMs - this.#fadedAtMs;
    if (sinceMs < FADE_STEP_MS) return;
    this.#longestMs *= 2 ** (-sinceMs / HALF_LIFE_MS);
    this.#fadedAtMs = nowMs;
  }
}

/** The paces of a connection's books; they outlive its sockets. */
export class FeedPaces {
  readonly #paces = new Map<string, FeedPace>();

  /** Returns the pace of a book, for a connection that begins with it. */
  begin(nativeSymbol: string): FeedPace {
    const pace = this.#paces.get(nativeSymbol) ?? new FeedPace();
    this.#paces.set(nativeSymbol, pace);
    pace.interrupted();
    return pace;
  }

  forget(nativeSymbol: string): void {
    this.#paces.delete(nativeSymbol);
  }
}
