/** The budgets of one exchange, shared by all its connections because the exchange counts them per IP: connects and REST weight. */
import type { Clock, Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import { SlidingBudget } from '../base/sliding-budget.ts';
import type { ExchangeLimits, HttpRequest } from '../exchanges/adapter.ts';
import type { FeedTransport, HttpAnswer } from './ports.ts';

const TOO_MANY_REQUESTS = 429;
/** Binance answers so while an IP is banned for having gone on after 429. */
const BANNED = 418;
const UNSTATED_RETRY_MS = 60_000;

export class ExchangeGate {
  readonly #limits: ExchangeLimits;
  readonly #transport: FeedTransport;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #connects: SlidingBudget;
  readonly #requests: SlidingBudget;
  /** Requests take their turn: a heavy one must not be overtaken for ever by light ones. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: { limits: ExchangeLimits; transport: FeedTransport; clock: Clock; timers: Timers }) {
    const { limits } = options;
    this.#limits = limits;
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#connects = new SlidingBudget({
      maxWeight: limits.connects.count,
      windowMs: limits.connects.windowMs,
    });
    this.#requests = new SlidingBudget({
      maxWeight: limits.requests.weight,
      windowMs: limits.requests.windowMs,
    });
  }

  /** Takes one connection attempt and returns 0, or returns how long to wait before asking again. */
  connectWaitMs(nowMs: number): number {
    return this.#connects.take(1, nowMs);
  }

  /** REST weight spent within the exchange's window. */
  requestWeightSpent(): number {
    return this.#requests.spent(this.#clock.nowMs());
  }

  /**
   * Sends the request as soon as the budget allows. Nothing is spent on one that is no longer wanted when its turn comes (its connection is
   * gone): so the queue holds no more than what is wanted and what was left since the last turn.
   * @throws TampinesError `FEED_REQUEST` when no answer came, or none is wanted any more
   */
  async request(
    request: HttpRequest,
    options: { timeoutMs: number; bodyMaxBytes: number; isWanted?: () => boolean },
  ): Promise<HttpAnswer> {
    const turn = this.#turn.then(() => this.#waitForBudget(request, options.isWanted ?? (() => true)));
    // The next one's turn comes however this one ends.
    this.#turn = turn.catch(() => undefined);
    await turn;
    const answer = await this.#transport.request(request, options);
    if (answer.status === TOO_MANY_REQUESTS || answer.status === BANNED) {
      this.#requests.closeUntil(this.#clock.nowMs() + (answer.retryAfterMs ?? UNSTATED_RETRY_MS));
    }
    return answer;
  }

  async #waitForBudget(request: HttpRequest, isWanted: () => boolean): Promise<void> {
    for (;;) {
      if (!isWanted()) {
        throw new TampinesError(
          'FEED_REQUEST',
          `${request.url} was not asked: the answer is no longer wanted`,
        );
      }
      const waitMs = this.#requests.take(this.#limits.requests.weightOf(request), this.#clock.nowMs());
      if (waitMs === 0) return;
      await this.#timers.sleep(waitMs);
    }
  }
}
