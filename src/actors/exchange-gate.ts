/**
 * The budgets of one exchange, shared by all its connections because the exchange counts them per IP: connects, frames where it counts those
 * so, and REST weight. Requests wait here for their turn, those for one symbol behind one another, symbols taking turns.
 */
import type { Clock, RandomSource, TimerHandle, Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import { FairQueue } from '../base/fair-queue.ts';
import type { Log } from '../base/log.ts';
import { SlidingBudget } from '../base/sliding-budget.ts';
import type { ExchangeLimits, HttpRequest } from '../exchanges/adapter.ts';
import type { FrameAllowance } from '../exchanges/frame-outbox.ts';
import type { FeedTransport, HttpAnswer } from './feed-ports.ts';

/** Requests that may wait for their turn; beyond it one is refused, and whoever asked asks again later. */
export const WAITING_REQUESTS_MAX = 5_000;
/** Requests that are under way at once, whatever the budget allows: an exchange that answers slowly gets no more. */
export const REQUESTS_UNDER_WAY_MAX = 20;
/** The longest that one `Retry-After` closes the gate. A true ban lasts longer: then one request an hour learns that it still does. */
export const CLOSED_MAX_MS = 3_600_000;
/** After a refusal the gate opens up to this much later than told, drawn at random: others of our IP were told the same. */
export const REOPENING_SPREAD_MS = 2_000;
/** Requests sent a window apart may arrive a little less apart: windows are taken longer by this share, and by no more than this. */
const WINDOW_MARGIN_SHARE = 0.05;
const WINDOW_MARGIN_MAX_MS = 1_000;
/** While requests wait for the budget, those that are no longer wanted leave the queue at least this often. */
const SWEEP_MS = 5_000;

type Refusal = NonNullable<ExchangeLimits['requests']['refusals']>[number];
const TOO_MANY_REQUESTS: Refusal = { status: 429, pauseMs: 60_000 };
/** Text of an answer in which a refusal is looked for; longer ones are no refusals. */
const REFUSAL_MAX_CHARS = 2_000;

export type GateRequestOptions = {
  readonly timeoutMs: number;
  readonly bodyMaxBytes: number;
  /** Whom it is for (a symbol): each has one turn after the other. Without it, the address. */
  readonly turn?: string;
  readonly isWanted?: () => boolean;
};

export type GateStatus = {
  readonly exchange: string;
  /** REST weight spent within the exchange's window, and how much there is. */
  readonly weightSpent: number;
  readonly weightMax: number;
  readonly connectsSpent: number;
  readonly waitingRequests: number;
  readonly requestsUnderWay: number;
  /** 0 when requests may be sent. */
  readonly closedForMs: number;
  /** Totals since the start. */
  readonly refusedCount: number;
  readonly unwantedCount: number;
  readonly turnedAwayCount: number;
};

type Waiting = {
  readonly request: HttpRequest;
  readonly options: GateRequestOptions;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: unknown) => void;
};

export type ExchangeGateOptions = {
  readonly exchange: string;
  readonly limits: ExchangeLimits;
  readonly transport: FeedTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
};

export class ExchangeGate {
  readonly #options: ExchangeGateOptions;
  readonly #connects: SlidingBudget;
  readonly #requests: SlidingBudget;
  /** Shared by the connections of an exchange that counts frames per IP. */
  readonly frames: FrameAllowance | undefined;
  readonly #waiting = new FairQueue<Waiting>();
  #timer: TimerHandle | undefined;
  #underWayCount = 0;
  /** Refused, and no request that was sent since was taken: one at a time, until one is. */
  #isProbing = false;
  #refusedCount = 0;
  #unwantedCount = 0;
  #turnedAwayCount = 0;

  constructor(options: ExchangeGateOptions) {
    const { connects, requests, framesPerIp } = options.limits;
    this.#options = options;
    this.#connects = new SlidingBudget({
      maxWeight: connects.count,
      windowMs: withMargin(connects.windowMs),
    });
    this.#requests = new SlidingBudget({
      maxWeight: requests.weight,
      windowMs: withMargin(requests.windowMs),
    });
    this.frames =
      framesPerIp === undefined
        ? undefined
        : new SlidingBudget({ maxWeight: framesPerIp.count, windowMs: withMargin(framesPerIp.windowMs) });
  }

  /** Takes one connection attempt and returns 0, or returns how long to wait before asking again. */
  connectWaitMs(): number {
    return this.#connects.take(1, this.#options.clock.monotonicMs());
  }

  status(): GateStatus {
    const nowMs = this.#options.clock.monotonicMs();
    return {
      exchange: this.#options.exchange,
      weightSpent: this.#requests.spent(nowMs),
      weightMax: this.#options.limits.requests.weight,
      connectsSpent: this.#connects.spent(nowMs),
      waitingRequests: this.#waiting.count,
      requestsUnderWay: this.#underWayCount,
      closedForMs: Math.ceil(Math.max(0, this.#requests.closedUntilMs - nowMs)),
      refusedCount: this.#refusedCount,
      unwantedCount: this.#unwantedCount,
      turnedAwayCount: this.#turnedAwayCount,
    };
  }

  /**
   * Sends the request as soon as its turn has come and the budget allows. One that is no longer wanted leaves the queue, and nothing is spent.
   * @throws TampinesError `FEED_REQUEST` when no answer came, none is wanted any more, or too many wait already
   */
  request(request: HttpRequest, options: GateRequestOptions): Promise<HttpAnswer> {
    if (this.#waiting.count >= WAITING_REQUESTS_MAX) this.#dropUnwanted();
    if (this.#waiting.count >= WAITING_REQUESTS_MAX) {
      this.#turnedAwayCount++;
      return Promise.reject(notAsked(request, `${WAITING_REQUESTS_MAX} others wait for their turn`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push(options.turn ?? request.url, { request, options, resolve, reject });
      // With a timer set, whose turn it is waits for the budget, and all others for it: a heavy one must not be overtaken for ever.
      if (this.#timer === undefined) this.#sendWhatMay();
    });
  }

  #sendWhatMay(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dropUnwanted();
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      // The answer to one that is under way goes on from here.
      if (this.#underWayCount >= (this.#isProbing ? 1 : REQUESTS_UNDER_WAY_MAX)) return;
      const weight = this.#options.limits.requests.weightOf(next.request);
      const waitMs = this.#requests.take(weight, this.#options.clock.monotonicMs());
      if (waitMs > 0) {
        this.#timer = this.#options.timers.after(Math.min(waitMs, SWEEP_MS), () => this.#sendWhatMay());
        return;
      }
      this.#waiting.shift();
      void this.#send(next);
    }
  }

  async #send({ request, options, resolve, reject }: Waiting): Promise<void> {
    this.#underWayCount++;
    const refusedBefore = this.#refusedCount;
    try {
      const answer = await this.#options.transport.request(request, options);
      const pauseMs = this.#pauseOf(answer);
      if (pauseMs !== undefined) this.#close(answer, pauseMs);
      // What was sent before the refusal proves nothing about the time after it.
      else if (refusedBefore === this.#refusedCount) this.#isProbing = false;
      resolve(answer);
    } catch (error) {
      reject(error);
    } finally {
      this.#underWayCount--;
      if (this.#timer === undefined) this.#sendWhatMay();
    }
  }

  /** Returns how long a refusal closes the gate where it does not say itself; `undefined` when the answer is none. */
  #pauseOf({ status, body }: HttpAnswer): number | undefined {
    const refusals = [...(this.#options.limits.requests.refusals ?? []), TOO_MANY_REQUESTS];
    return refusals.find(
      (refusal) =>
        refusal.status === status &&
        (refusal.text === undefined || (body.length <= REFUSAL_MAX_CHARS && body.includes(refusal.text))),
    )?.pauseMs;
  }

  #close({ status, retryAfterMs }: HttpAnswer, pauseMs: number): void {
    const { clock, random, log, exchange } = this.#options;
    const nowMs = clock.monotonicMs();
    const toldMs = Math.min(retryAfterMs ?? pauseMs, CLOSED_MAX_MS);
    const closedForMs = Math.round(toldMs + random() * REOPENING_SPREAD_MS);
    const wasOpen = this.#requests.closedUntilMs <= nowMs;
    this.#refusedCount++;
    this.#isProbing = true;
    this.#requests.closeUntil(nowMs + closedForMs);
    const fields = { exchange, status, retryAfterMs, closedForMs };
    if ((retryAfterMs ?? 0) > CLOSED_MAX_MS) {
      log.warn(fields, 'the exchange asks for a longer pause than is believed; it is asked again before');
    } else if (wasOpen) {
      log.warn(fields, 'the exchange refused a request because there were too many; all wait');
    }
  }

  #dropUnwanted(): void {
    const unwanted = this.#waiting.removeWhere(({ options }) => options.isWanted?.() === false);
    this.#unwantedCount += unwanted.length;
    for (const { request, reject } of unwanted) {
      reject(notAsked(request, 'the answer is no longer wanted'));
    }
  }
}

function withMargin(windowMs: number): number {
  return windowMs + Math.min(windowMs * WINDOW_MARGIN_SHARE, WINDOW_MARGIN_MAX_MS);
}

function notAsked({ url }: HttpRequest, why: string): TampinesError {
  return new TampinesError('FEED_REQUEST', `${url} was not asked: ${why}`, { isRetryable: true });
}
