/** How much is asked of the admin REST at once, and how often. Who asks beyond it is told to come again; whether the node lives is always answered. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import type { QueueReading } from '../base/queue-reading.ts';
import type { AdminApp } from './admin-options.ts';
import { pathOf } from './problems.ts';

/** Connections that are open at once; more are closed as they come. */
export const ADMIN_CONNECTIONS_MAX = 256;
/** Requests that are worked on at once, each with a body of at most 64 KiB. */
export const ADMIN_REQUESTS_AT_ONCE_MAX = 64;
/** Requests taken within one second. */
export const ADMIN_REQUESTS_PER_SECOND_MAX = 500;

const WINDOW_MS = 1_000;
/** What watches the node must not be told to come again because somebody else asks too much. */
const ALWAYS_ANSWERED = new Set(['/health/live', '/health/ready', '/metrics']);

export class RequestLimits {
  readonly #clock: Clock;
  #atOnceCount = 0;
  #refusedCount = 0;
  #windowStartMs = -Infinity;
  #inWindowCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  reading(): QueueReading {
    return {
      queue: 'admin-requests',
      depth: this.#atOnceCount,
      limit: ADMIN_REQUESTS_AT_ONCE_MAX,
      fullCount: this.#refusedCount,
    };
  }

  /** Takes each request of the application that there is room for. */
  guard(app: AdminApp): void {
    app.server.maxConnections = ADMIN_CONNECTIONS_MAX;
    app.addHook('onRequest', (request, reply, done) => {
      this.#enter(request, reply);
      done();
    });
  }

  /** @throws TampinesError `TOO_MANY_REQUESTS` */
  #enter(request: FastifyRequest, reply: FastifyReply): void {
    if (ALWAYS_ANSWERED.has(pathOf(request.url))) return;
    this.#countInWindow();
    if (this.#atOnceCount >= ADMIN_REQUESTS_AT_ONCE_MAX) {
      throw this.#refuse(`${ADMIN_REQUESTS_AT_ONCE_MAX} others are worked on`);
    }
    this.#atOnceCount++;
    let isIn = true;
    const leave = (): void => {
      if (isIn) this.#atOnceCount--;
      isIn = false;
    };
    // A client that goes away is never answered: `finish` does not come then.
    reply.raw.once('finish', leave);
    reply.raw.once('close', leave);
  }

  #countInWindow(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#windowStartMs = nowMs;
      this.#inWindowCount = 0;
    }
    if (this.#inWindowCount >= ADMIN_REQUESTS_PER_SECOND_MAX) {
      throw this.#refuse(`${ADMIN_REQUESTS_PER_SECOND_MAX} were taken within this second`);
    }
    this.#inWindowCount++;
  }

  #refuse(why: string): TampinesError {
    this.#refusedCount++;
    return new TampinesError('TOO_MANY_REQUESTS', `The request was not taken: ${why}`, { isRetryable: true });
  }
}
