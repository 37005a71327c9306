/**
 * Keeps one symbol's book in step with the exchange: one state machine for all five snapshot policies. What leaves it is aligned and in order:
 * a snapshot, then the deltas that follow on it; from a gap on `stale` and nothing more until the next snapshot. It never repairs by guessing.
 * It holds no levels (the instrument's state does) and knows neither sockets nor clock; the times it is given are of one that nobody sets.
 */
import type { BookDelta, BookSnapshot, Sequence } from '../market/events.ts';
import type { ExchangeAdapter, SequenceRange } from './adapter.ts';
import type { HeldDelta, HeldTally } from './held-deltas.ts';
import { HeldDeltas } from './held-deltas.ts';
import { ResyncPace } from './resync-pace.ts';

/** A subscription whose book has not started after this long of listening is asked for again: an acknowledgement alone promises nothing. */
const FIRST_SNAPSHOT_WITHIN_MS = 15_000;
/** A fetch is answered by contract, with a failure at least, but may wait long for its turn when many do; this only guards against a lost answer. */
const FETCH_ANSWER_WITHIN_MS = 1_800_000;
/** A fetched snapshot should be newer than the first delta, so the fetch waits for that one, but not longer than this. */
const FETCH_WITHOUT_DELTA_AFTER_MS = 1_000;
/**
 * A synced book that gets nothing but deltas older than itself for this long does not move any more: its own sequence must be the wrong one.
 * Catching up with a snapshot that is ahead of the stream takes seconds at most.
 */
const OLD_DELTAS_ONLY_MAX_MS = 10_000;
/** Gaps kept with their numbers; older ones are only counted. */
export const GAPS_KEPT_MAX = 100;

/** `atMs`: when the delta behind it was received. */
export type BookGap = { readonly atMs: number; readonly expected: Sequence; readonly was: Sequence };

/** Counts since the first subscription. Every delta received ends as applied, as ignored, as a gap, or is still held. */
export type BookSyncCounters = {
  /** Snapshots that became the book. */
  readonly snapshots: number;
  /** Deltas received. */
  readonly updates: number;
  readonly applied: number;
  /** Deltas older than the snapshot, or that came while no snapshot was there to follow on. */
  readonly ignoredStale: number;
  /** Deltas that came before the snapshot they were held for; counted again as applied or ignored. */
  readonly buffered: number;
  /** Deltas whose own sequence proved that they follow on the one before. */
  readonly sequenceChecksOk: number;
  readonly gapCount: number;
  /** The newest gaps, oldest first. */
  readonly gaps: readonly BookGap[];
  readonly finalSequence: Sequence | undefined;
};

/** What a book asks for. `fetchSnapshot` is answered by `snapshot` or `snapshotFailed`; a `resubscribe` is told back by `subscriptionSent` when it left. */
export type BookRequest = 'fetchSnapshot' | 'resubscribe' | 'reconnect';

export interface BookSyncEffects {
  deliver(event: BookSnapshot | BookDelta): void;
  /** What was delivered last is not sure any more. */
  stale(reason: string): void;
  request(request: BookRequest, reason: string): void;
}

/** The words of an adapter that decide how a book is kept in step. */
export type BookRules = Pick<
  ExchangeAdapter,
  'snapshotPolicy' | 'continuityScope' | 'continuity' | 'isSnapshotTooOld' | 'resync'
>;

/**
 * Invariant: `synced` if and only if the last book event delivered was not followed by a `stale`; only then are deltas delivered.
 * `idle`: no subscription. `waiting`: subscribed, the book needs a snapshot.
 */
type Phase = 'idle' | 'waiting' | 'synced';

export class BookSync {
  readonly #rules: BookRules;
  readonly #effects: BookSyncEffects;
  readonly #pace: ResyncPace;
  readonly #isFetched: boolean;

  #phase: Phase = 'idle';
  #isToldStale = false;
  #isFirstDelta = false;
  /** When the first of the deltas was ignored that came since the last one applied. */
  #ignoringSinceMs: number | undefined;
  #last: Sequence | undefined;
  readonly #held: HeldDeltas;
  readonly #waiting: Set<BookSync>;
  #requestDueMs: number | undefined;
  #dueRequest: { request: BookRequest; reason: string } | undefined;
  #isFetching = false;
  #deadlineMs: number | undefined;
  #lastChecksum: number | undefined;
  #suspicion: { readonly onQuiet: () => void } | undefined;

  #snapshots = 0;
  #updates = 0;
  #applied = 0;
  #ignoredStale = 0;
  #buffered = 0;
  #sequenceChecksOk = 0;
  #gapCount = 0;
  readonly #gaps: BookGap[] = [];

  /**
   * @param options.held what all books of the connection hold together
   * @param options.waiting those of the connection that wait for a time: `tick` concerns no others
   */
  constructor(options: {
    rules: BookRules;
    effects: BookSyncEffects;
    random: () => number;
    held?: HeldTally;
    waiting?: Set<BookSync>;
  }) {
    this.#waiting = options.waiting ?? new Set();
    this.#held = new HeldDeltas(options.held ?? { bytes: 0 });
    this.#rules = options.rules;
    this.#effects = options.effects;
    this.#pace = new ResyncPace(options.random);
    this.#isFetched =
      options.rules.snapshotPolicy === 'rest' || options.rules.snapshotPolicy === 'socketRequest';
  }

  get isSynced(): boolean {
    return this.#phase === 'synced';
  }

  /** Whether a snapshot was asked for that did not come yet. */
  get isFetching(): boolean {
    return this.#isFetching;
  }

  get counters(): BookSyncCounters {
    return {
      snapshots: this.#snapshots,
      updates: this.#updates,
      applied: this.#applied,
      ignoredStale: this.#ignoredStale,
      buffered: this.#buffered,
      sequenceChecksOk: this.#sequenceChecksOk,
      gapCount: this.#gapCount,
      gaps: [...this.#gaps],
      finalSequence: this.#last,
    };
  }

  /** The frame that subscribes the book (first, or again) was sent. */
  subscriptionSent(nowMs: number): void {
    if (this.#rules.snapshotPolicy === 'none') return;
    if (this.#phase === 'idle') {
      this.#phase = 'waiting';
      if (this.#isFetched) {
        this.#requestLater('fetchSnapshot', 'subscribed', nowMs + FETCH_WITHOUT_DELTA_AFTER_MS);
      }
    }
    if (this.#phase === 'waiting' && !this.#isFetched) this.#waitUntil(nowMs + FIRST_SNAPSHOT_WITHIN_MS);
  }

  /** The subscription ended or its connection closed: nothing more is expected. */
  subscriptionEnded(): void {
    this.#phase = 'idle';
    this.#suspicion = undefined;
    this.#forgetRequests();
    this.#ignoredStale += this.#held.takeAll().length;
  }

  /** Takes a snapshot, from the stream or fetched. */
  snapshot(event: BookSnapshot, nowMs: number): void {
    // Data proves the subscription: a recording may start in the middle of one.
    if (this.#phase === 'idle') this.subscriptionSent(nowMs);
    if (this.#isFetched) {
      this.#isFetching = false;
      // An answer that was overtaken by another: the book is sure already, and this one may be older.
      if (this.#phase === 'synced') return;
      const { first } = this.#held;
      if (
        first !== undefined &&
        event.sequence !== undefined &&
        this.#rules.isSnapshotTooOld(event.sequence, first.range)
      ) {
        this.#askAgain(
          'fetchSnapshot',
          `snapshot ${event.sequence} is older than the first delta ${first.range.first ?? 'held'}`,
          nowMs,
        );
        return;
      }
    }
    this.#resolveSuspicion(event);
    this.#snapshots++;
    this.#phase = 'synced';
    this.#isToldStale = false;
    this.#isFirstDelta = true;
    // What was held while the snapshot was awaited is older than it, however long that took.
    this.#ignoringSinceMs = nowMs;
    this.#last = event.sequence;
    this.#lastChecksum = event.checksum;
    this.#forgetRequests();
    this.#pace.held(nowMs);
    this.#effects.deliver(event);
    for (const delta of this.#held.takeAll()) this.#follow(delta, nowMs);
  }

  /** The fetched snapshot could not be had. */
  snapshotFailed(reason: string, nowMs: number): void {
    this.#isFetching = false;
    if (this.#phase === 'waiting') this.#askAgain('fetchSnapshot', reason, nowMs);
  }

  delta(event: BookDelta, range: SequenceRange, nowMs: number): void {
    this.#updates++;
    // It speaks again by itself: its silence was its own.
    this.#suspicion?.onQuiet();
    this.#suspicion = undefined;
    if (this.#phase === 'idle') this.subscriptionSent(nowMs);
    this.#follow({ event, range }, nowMs);
  }

  /** The book can no longer be trusted, for a reason found elsewhere (checksum, lost frame, gap of the connection). */
  lost(reason: string, nowMs: number, options: { isConnectionReplaced: boolean }): void {
    if (this.#phase !== 'synced') return;
    this.#becomeStale(reason);
    if (!options.isConnectionReplaced) this.#askAgain(this.#freshStart(), reason, nowMs);
  }

  /**
   * The book has been silent for longer than it usually is. It is not sure until a fresh snapshot says whether anything was missed; `onQuiet` is
   * called when nothing was, or when it can't be told.
   */
  suspect(reason: string, nowMs: number, onQuiet: () => void): void {
    if (this.#phase !== 'synced') return;
    this.#suspicion = { onQuiet };
    this.#becomeStale(reason);
    // One silent symbol is no reason to replace a connection that others live on.
    this.#askAgain(this.#isFetched ? 'fetchSnapshot' : 'resubscribe', reason, nowMs);
  }

  /**
   * Sends requests that are due and notices a book that never started.
   * @param options.isDeaf nobody reads the connection: the snapshot may have come, and waits where asking again would only put a second one behind it
   */
  tick(nowMs: number, { isDeaf }: { isDeaf: boolean }): void {
    if (isDeaf && this.#deadlineMs !== undefined && !this.#isFetched) {
      this.#deadlineMs = nowMs + FIRST_SNAPSHOT_WITHIN_MS;
    }
    if (this.#deadlineMs !== undefined && nowMs >= this.#deadlineMs) {
      this.#deadlineMs = undefined;
      this.#isFetching = false;
      const reason = `no book snapshot within ${this.#isFetched ? FETCH_ANSWER_WITHIN_MS : FIRST_SNAPSHOT_WITHIN_MS} ms`;
      this.#tellStale(reason);
      // One silent symbol is no reason to replace a connection that others live on.
      this.#askAgain(this.#isFetched ? 'fetchSnapshot' : 'resubscribe', reason, nowMs);
    }
    this.#sendDueRequest(nowMs);
    if (this.#deadlineMs === undefined && this.#dueRequest === undefined) this.#waiting.delete(this);
  }

  /** Compares the snapshot with what was held when the book fell silent. */
  #resolveSuspicion({ sequence, checksum }: BookSnapshot): void {
    const suspicion = this.#suspicion;
    if (suspicion === undefined) return;
    this.#suspicion = undefined;
    const isSame =
      sequence === undefined || this.#last === undefined
        ? checksum === this.#lastChecksum
        : sequence === this.#last;
    if (isSame) suspicion.onQuiet();
    // Its stream said nothing of what it missed, and where the snapshot is fetched nothing has started it again.
    else if (this.#isFetched) this.#effects.request('resubscribe', 'it was silent while its book moved');
  }

  #follow(delta: HeldDelta, nowMs: number): void {
    if (this.#phase === 'synced') {
      this.#applyInOrder(delta, nowMs);
    } else if (this.#phase === 'waiting' && this.#isFetched) {
      this.#hold(delta);
      // The first delta is what the snapshot has to be newer than, so now is the time to ask.
      if (this.#held.count === 1 && this.#dueRequest?.reason === 'subscribed') {
        this.#requestLater('fetchSnapshot', 'first delta', nowMs);
        this.#sendDueRequest(nowMs);
      }
    } else {
      this.#ignoredStale++;
    }
  }

  #applyInOrder(delta: HeldDelta, nowMs: number): void {
    const { event, range } = delta;
    if (this.#rules.continuityScope === 'book') {
      if (this.#last === undefined) {
        this.#loseAt(delta, 'the snapshot had no sequence to follow on', nowMs);
        return;
      }
      const continuity = this.#rules.continuity(this.#last, range, this.#isFirstDelta);
      if (continuity.verdict === 'ignore') {
        this.#ignore(delta, this.#last, nowMs);
        return;
      }
      if (continuity.verdict === 'gap') {
        const { expected, was } = continuity;
        this.#noteGap({ atMs: event.receiveTimeMs, expected, was });
        this.#loseAt(delta, `sequence gap: expected ${expected}, was ${was}`, nowMs);
        return;
      }
      this.#sequenceChecksOk++;
    }
    this.#applied++;
    this.#isFirstDelta = false;
    this.#ignoringSinceMs = undefined;
    this.#last = range.last ?? event.sequence ?? this.#last;
    this.#lastChecksum = event.checksum;
    this.#effects.deliver(event);
  }

  /** Leaves out what the book holds already. Nothing but such deltas for long means that the exchange numbers anew, or that one number was wrong. */
  #ignore(delta: HeldDelta, last: Sequence, nowMs: number): void {
    this.#ignoringSinceMs ??= nowMs;
    if (nowMs - this.#ignoringSinceMs <= OLD_DELTAS_ONLY_MAX_MS) {
      this.#ignoredStale++;
      return;
    }
    const was = delta.range.last ?? delta.range.first ?? last;
    this.#noteGap({ atMs: delta.event.receiveTimeMs, expected: last, was });
    this.#loseAt(
      delta,
      `only old deltas for ${OLD_DELTAS_ONLY_MAX_MS} ms: the book is at ${last}, was ${was}`,
      nowMs,
    );
  }

  #noteGap(gap: BookGap): void {
    this.#gapCount++;
    this.#gaps.push(gap);
    if (this.#gaps.length > GAPS_KEPT_MAX) this.#gaps.shift();
  }

  #loseAt(delta: HeldDelta, reason: string, nowMs: number): void {
    this.#becomeStale(reason);
    // The snapshot that will be fetched may be older than this delta and need it.
    if (this.#isFetched) this.#hold(delta);
    this.#askAgain(this.#freshStart(), reason, nowMs);
  }

  #freshStart(): BookRequest {
    if (this.#isFetched) return 'fetchSnapshot';
    return this.#rules.resync === 'reconnect' ? 'reconnect' : 'resubscribe';
  }

  #becomeStale(reason: string): void {
    this.#phase = 'waiting';
    this.#tellStale(reason);
  }

  #tellStale(reason: string): void {
    if (this.#isToldStale) return;
    this.#isToldStale = true;
    this.#effects.stale(reason);
  }

  #hold(delta: HeldDelta): void {
    this.#buffered++;
    this.#ignoredStale += this.#held.add(delta);
  }

  #askAgain(request: BookRequest, reason: string, nowMs: number): void {
    this.#deadlineMs = undefined;
    this.#requestLater(request, reason, nowMs + this.#pace.nextDelayMs(nowMs));
    this.#sendDueRequest(nowMs);
  }

  #requestLater(request: BookRequest, reason: string, atMs: number): void {
    this.#requestDueMs = atMs;
    this.#dueRequest = { request, reason };
    this.#waiting.add(this);
  }

  #sendDueRequest(nowMs: number): void {
    const due = this.#dueRequest;
    if (due === undefined || this.#requestDueMs === undefined || nowMs < this.#requestDueMs) return;
    this.#dueRequest = undefined;
    this.#requestDueMs = undefined;
    if (due.request === 'fetchSnapshot') {
      this.#isFetching = true;
      this.#waitUntil(nowMs + FETCH_ANSWER_WITHIN_MS);
    }
    this.#effects.request(due.request, due.reason);
  }

  #waitUntil(deadlineMs: number): void {
    this.#deadlineMs = deadlineMs;
    this.#waiting.add(this);
  }

  #forgetRequests(): void {
    this.#waiting.delete(this);
    this.#dueRequest = undefined;
    this.#requestDueMs = undefined;
    this.#deadlineMs = undefined;
    this.#isFetching = false;
  }
}
