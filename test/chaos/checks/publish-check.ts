/**
 * Reads what subscribers heard and what keys held, and says where it breaks the promises to readers: versions never go back, nothing is shown
 * before it is durable, and a book that is shown as live is one that the exchange truly had a moment ago. Pure.
 */
import type { Violation } from '../violation.ts';
import type { BookTruths } from './book-truths.ts';
import type { JournalCheck } from './journal-check.ts';

export type Publication = {
  readonly channel: string;
  /** `read`: what a key held when it was looked at. */
  readonly way: 'published' | 'read';
  readonly epoch: number;
  readonly seq: number;
  readonly status: string;
  /** Unix ms, by the publisher. */
  readonly publishTimeMs: number;
  /** Unix ms, when the witness had it. */
  readonly heardMs: number;
  /** Best levels as `price quantity`, bids then asks, where it is a book at the finest resolution. */
  readonly levels: string | undefined;
};

export type PublishCheckOptions = {
  readonly journal: Pick<JournalCheck, 'reachedMs' | 'claimedMs'>;
  readonly truths: BookTruths;
  /** How long a node may speak for its instruments after another has claimed them. */
  readonly leaseMs: number;
  /** By exchange: how long after it was true a book may be shown as live: until its silence must have been noticed. */
  readonly liveAgeMaxMs: (exchange: string) => number;
};

/** Both clocks are that of one machine, read in different processes and cut to milliseconds. */
const CLOCK_SLACK_MS = 5;
/** From asking whether the lease is held to stamping what is said under it. */
const LEASE_SLACK_MS = 50;
/** How far the books that exchanges give on request may lag behind. */
const SNAPSHOT_LAG_MS = 600;

export class PublishCheck {
  readonly violations: Violation[] = [];
  readonly #options: PublishCheckOptions;
  readonly #newest = new Map<string, { epoch: number; seq: number }>();
  count = 0;
  liveBookCount = 0;
  /** The oldest book that was shown as live, by exchange. */
  readonly liveAgesMs = new Map<string, number>();

  constructor(options: PublishCheckOptions) {
    this.#options = options;
  }

  /** Redis lost all it held: its keys may begin anew. */
  redisEmptied(): void {
    this.#newest.clear();
  }

  add(publication: Publication): void {
    this.count++;
    const { channel, epoch, seq, way } = publication;
    const known = `${way} ${channel}`;
    const last = this.#newest.get(known);
    if (last !== undefined && (epoch < last.epoch || (epoch === last.epoch && seq < last.seq))) {
      this.#report(
        'monotone',
        channel,
        `nothing older than (${last.epoch}, ${last.seq}) ${way}`,
        `(${epoch}, ${seq})`,
      );
      return;
    }
    this.#newest.set(known, { epoch, seq });
    if (way === 'read') return;
    this.#checkDurable(publication);
    this.#checkLease(publication);
    if (publication.levels !== undefined && publication.status === 'live')
      this.#checkTrue(publication, publication.levels);
  }

  #checkDurable({ channel, epoch, seq, publishTimeMs }: Publication): void {
    const instrument = instrumentOf(channel);
    if (this.#options.journal.claimedMs(epoch) === undefined) {
      this.#report('durable', channel, 'an epoch that was claimed', `epoch ${epoch}`);
    }
    if (seq === 0) return;
    const reachedMs = this.#options.journal.reachedMs(instrument, seq);
    if (reachedMs === undefined || reachedMs > publishTimeMs + CLOCK_SLACK_MS) {
      const when = reachedMs === undefined ? 'never' : `${Math.round(reachedMs - publishTimeMs)} ms later`;
      this.#report(
        'durable',
        channel,
        `position ${seq} in the log before it is published under epoch ${epoch}`,
        `durable ${when}`,
      );
    }
  }

  /** That its book is stale may be said by whoever published it last, whenever it finds out. */
  #checkLease({ channel, epoch, seq, status, publishTimeMs }: Publication): void {
    if (status === 'stale' && channel.startsWith('orderbook:')) return;
    const { journal, leaseMs } = this.#options;
    const lostMs = journal.claimedMs(epoch + 1);
    if (lostMs === undefined || publishTimeMs <= lostMs + leaseMs + LEASE_SLACK_MS) return;
    this.#report(
      'lease',
      channel,
      `nothing under epoch ${epoch} later than ${leaseMs} ms after epoch ${epoch + 1} was claimed`,
      `(${epoch}, ${seq}) ${Math.round(publishTimeMs - lostMs)} ms after`,
    );
  }

  #checkTrue({ channel, publishTimeMs, epoch, seq }: Publication, levels: string): void {
    this.liveBookCount++;
    const instrument = instrumentOf(channel);
    const exchange = instrument.slice(0, instrument.indexOf(':'));
    const ageMs = this.#options.truths.ageMs(instrument, levels, publishTimeMs);
    const maxMs = this.#options.liveAgeMaxMs(exchange);
    if (ageMs === undefined) {
      this.#report(
        'true-book',
        channel,
        `a live book (${epoch}, ${seq}) that the exchange had within the last minutes`,
        `none such: ${levels.slice(0, 120)}…`,
      );
      return;
    }
    this.liveAgesMs.set(exchange, Math.max(ageMs, this.liveAgesMs.get(exchange) ?? 0));
    if (ageMs > maxMs) {
      this.#report(
        'stale-shown',
        channel,
        `a live book (${epoch}, ${seq}) that was true at most ${maxMs} ms before`,
        `last true ${Math.round(ageMs)} ms before`,
      );
    }
    // What a node recovers was true when it was written; live is only what a feed has said since.
    const claimedMs = this.#options.journal.claimedMs(epoch) ?? 0;
    const beforeClaimMs = claimedMs - (publishTimeMs - ageMs);
    if (ageMs > 0 && beforeClaimMs > SNAPSHOT_LAG_MS) {
      this.#report(
        'stale-shown',
        channel,
        `a live book (${epoch}, ${seq}) that was true after its node had claimed the shard`,
        `last true ${Math.round(beforeClaimMs)} ms before that`,
      );
    }
  }

  #report(rule: string, subject: string, expected: string, was: string): void {
    this.violations.push({ rule, subject, expected, was });
  }
}

/** `orderbook:binance:BTC-USDT:1`, `ticker:…`, `candle:…:1m:closed` → `binance:BTC-USDT`. */
export function instrumentOf(channel: string): string {
  const [, exchange, symbol] = channel.split(':');
  return `${exchange}:${symbol}`;
}
