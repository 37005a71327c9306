/**
 * Word of changes of the desired set and of slots that were given up, by LISTEN on a connection of its own: one of the pool is given to whoever comes
 * next, and embedded Postgres has one session for all, so this needs a real server. The triggers that tell are in migrations 4 and 10.
 */
import pg from 'pg';
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource, TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ChangeNotifications } from '../cluster/ports.ts';

const RECONNECT_POLICY: BackoffPolicy = { initialMs: 100, maxMs: 5_000, jitter: 0.2 };
const CONNECT_TIMEOUT_MS = 5_000;
/** A half-open connection says nothing for ever, like one with nothing to say; so it is asked. */
const PROBE_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;

export type PostgresNotificationsOptions = {
  readonly url: string;
  /** That of the database; its own constructor has checked it. */
  readonly schema: string;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
  /** Some slot has no holder any more. It may be missed: whoever needs it also looks now and then. */
  readonly onSlotsGivenUp: () => void;
};

type Handlers = Parameters<ChangeNotifications['start']>[0];

export class PostgresNotifications implements ChangeNotifications {
  readonly #options: PostgresNotificationsOptions;
  #handlers: Handlers | undefined;
  #client: pg.Client | undefined;
  #timer: TimerHandle | undefined;
  /** Attempts to connect since changes were told last. */
  #attemptIndex = 0;
  #isStopped = false;

  constructor(options: PostgresNotificationsOptions) {
    this.#options = options;
  }

  start(handlers: Handlers): void {
    this.#handlers = handlers;
    void this.#connect();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { url, schema, log, onSlotsGivenUp } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: 'tampines changes',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: PROBE_TIMEOUT_MS,
      keepAlive: true,
    });
    this.#client = client;
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client, new Error('the connection was closed')));
    client.on('notification', ({ channel }) => {
      if (channel === `${schema}_given_up`) onSlotsGivenUp();
      else this.#handlers?.onChange();
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${schema}_desired; LISTEN ${schema}_given_up`);
    } catch (error) {
      this.#lose(client, error);
      return;
    }
    if (this.#client !== client) return;
    this.#attemptIndex = 0;
    log.info({ schema }, 'changes of the desired instruments are told by the database');
    this.#handlers?.onListening(true);
    this.#handlers?.onChange();
    this.#probeLater(client);
  }

  #probeLater(client: pg.Client): void {
    this.#timer = this.#options.timers.after(PROBE_MS, () => {
      client.query('SELECT 1').then(
        () => {
          if (this.#client === client) this.#probeLater(client);
        },
        (error: unknown) => this.#lose(client, error),
      );
    });
  }

  /** Called for each sign that the connection is no good; the first one counts. */
  #lose(client: pg.Client, error: unknown): void {
    if (this.#client !== client || this.#isStopped) return;
    this.#client = undefined;
    this.#timer?.cancel();
    const { timers, random, log } = this.#options;
    const delayMs = backoffDelayMs(RECONNECT_POLICY, this.#attemptIndex, random);
    if (this.#attemptIndex === 0) {
      log.warn(
        { err: error, delayMs },
        'changes of the desired instruments are not told: they are looked for',
      );
      this.#handlers?.onListening(false);
    }
    this.#attemptIndex++;
    // It may still be half alive, and its own errors are of no interest any more.
    client.end().catch(() => undefined);
    this.#timer = timers.after(delayMs, () => void this.#connect());
  }
}
