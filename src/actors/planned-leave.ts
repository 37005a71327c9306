/**
 * Leaves a connection that the exchange will close soon, without a moment in which a book is not sure: a successor is opened beside it, each book
 * moves over with the first sure snapshot that the successor has of it, and the old line is closed when all have moved. Trades are taken from
 * both meanwhile; they count once. When that takes too long, what has not moved is cut off like on any reconnect, and trades are looked for.
 */
import type { Log } from '../base/log.ts';
import type { Moment } from '../exchanges/moment.ts';
import type { MarketEvent } from '../market/events.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { FeedOpening } from './feed-opening.ts';

/** OKX closes about 60 s after its notice. */
export const LEAVE_WITHIN_MS = 50_000;
/** A successor that could not be opened is tried again after this long. */
const RETRY_MS = 2_000;
/** A frame that left is not yet a subscription: trades come, at the latest, so long after the last one left. */
export const TRADES_SETTLE_MS = 2_000;

export type PlannedLeaveOptions = {
  readonly name: string;
  readonly log: Log;
  /** Takes one connection attempt and returns 0, or says how long to wait. */
  readonly connectWaitMs: () => number;
  readonly open: () => FeedOpening;
  /** Symbols whose book the connection carries. */
  readonly books: () => readonly NativeSymbol[];
  readonly deliver: (nativeSymbol: NativeSymbol, event: MarketEvent) => void;
  /** Gives a book of the old line a fresh start. */
  readonly resyncOld: (nativeSymbol: NativeSymbol, reason: string) => void;
  /**
   * The successor is the connection from now on; the old line is to be closed. Where the successor does not carry trades yet, those of the time
   * until it does may come by neither.
   */
  readonly promote: (successor: FeedOpening, options: { readonly carriesTrades: boolean }) => void;
  /** There is no successor in time. */
  readonly giveUp: (reason: string) => void;
};

/** All times are of a clock that nobody sets. */
type Leave = {
  readonly reason: string;
  readonly untilMs: number;
  readonly moved: Set<NativeSymbol>;
  openDueMs: number;
  /** When the successor was seen first with all its subscriptions sent. */
  subscribedAtMs: number | undefined;
  carriesTrades: boolean;
};

export class PlannedLeave {
  readonly #options: PlannedLeaveOptions;
  #leave: Leave | undefined;
  #successor: FeedOpening | undefined;

  constructor(options: PlannedLeaveOptions) {
    this.#options = options;
  }

  get successor(): FeedOpening | undefined {
    return this.#successor;
  }

  /** The successor brings the trades of all symbols. */
  get carriesTrades(): boolean {
    return this.#leave?.carriesTrades ?? false;
  }

  /** The symbol's book comes from the successor already. */
  hasMoved(nativeSymbol: NativeSymbol): boolean {
    return this.#leave?.moved.has(nativeSymbol) ?? false;
  }

  begin(reason: string, { monotonicMs: nowMs }: Moment): void {
    if (this.#leave !== undefined) return;
    this.#options.log.info(
      { connection: this.#options.name, cause: reason },
      'the exchange will close the connection, its successor is opened',
    );
    this.#leave = {
      reason,
      untilMs: nowMs + LEAVE_WITHIN_MS,
      moved: new Set(),
      openDueMs: nowMs,
      subscribedAtMs: undefined,
      carriesTrades: false,
    };
  }

  tick(now: Moment): void {
    const leave = this.#leave;
    if (leave === undefined) return;
    const nowMs = now.monotonicMs;
    const successor = this.#successor;
    if (successor === undefined) {
      if (nowMs >= leave.untilMs) this.#giveUp(leave);
      else if (nowMs >= leave.openDueMs) this.#open(leave, nowMs);
      return;
    }
    successor.session.tick(now, { isPaused: successor.line.isPaused });
    this.#noteSubscribed(leave, successor, nowMs);
    this.#promoteWhenReady(now);
    if (this.#leave === undefined || nowMs < leave.untilMs) return;
    if (successor.session.state === 'open') this.#promote(leave, successor, now);
    else {
      this.end('it was not open in time');
      this.#options.giveUp(leave.reason);
    }
  }

  /** Works off what the successor's line brought. */
  workOff(now: Moment): void {
    const successor = this.#successor;
    const leave = this.#leave;
    if (successor === undefined || leave === undefined) return;
    for (const item of successor.line.take()) {
      switch (item.type) {
        case 'opened':
          successor.session.opened(now);
          break;
        case 'frame':
          successor.session.frame(item.frame, { ...now, wallMs: item.receiveTimeMs });
          break;
        case 'answer': {
          const received = { ...now, wallMs: item.receiveTimeMs };
          successor.session.snapshotAnswered(item.nativeSymbol, item.answer, received);
          break;
        }
        case 'closed':
          this.#failed(leave, item.reason, now.monotonicMs);
          return;
        case 'pastTrades':
          // Asked for over the line that is left.
          break;
        default:
          item satisfies never;
      }
    }
    this.#promoteWhenReady(now);
  }

  /** Carries another symbol too. */
  watch(nativeSymbol: NativeSymbol, now: Moment): void {
    const leave = this.#leave;
    if (leave === undefined || this.#successor === undefined) return;
    this.#successor.session.watch([nativeSymbol], now);
    leave.subscribedAtMs = undefined;
    leave.carriesTrades = false;
  }

  /** Takes what the successor has to say, as far as it is its turn. */
  deliver(nativeSymbol: NativeSymbol, event: MarketEvent): void {
    const moved = this.#leave?.moved;
    if (event.type === 'BookSnapshot') moved?.add(nativeSymbol);
    if (event.type === 'Trade' || moved?.has(nativeSymbol) === true)
      this.#options.deliver(nativeSymbol, event);
  }

  unwatch(nativeSymbol: NativeSymbol, now: Moment): void {
    this.#successor?.session.unwatch([nativeSymbol], now);
    this.#leave?.moved.delete(nativeSymbol);
  }

  /** The old line has closed by itself: returns the successor, as far as it is, and is over. */
  takeSuccessor(): FeedOpening | undefined {
    const successor = this.#successor;
    this.#successor = undefined;
    this.#leave = undefined;
    return successor;
  }

  /** Nothing is left to move. */
  end(reason: string): void {
    this.takeSuccessor()?.line.close(reason);
  }

  #open(leave: Leave, nowMs: number): void {
    const waitMs = this.#options.connectWaitMs();
    if (waitMs > 0) leave.openDueMs = nowMs + waitMs;
    else this.#successor = this.#options.open();
  }

  #noteSubscribed(leave: Leave, successor: FeedOpening, nowMs: number): void {
    const { state, queuedFrames } = successor.session.status();
    if (state === 'open' && queuedFrames === 0) leave.subscribedAtMs ??= nowMs;
    leave.carriesTrades =
      leave.subscribedAtMs !== undefined && nowMs - leave.subscribedAtMs >= TRADES_SETTLE_MS;
  }

  #promoteWhenReady(now: Moment): void {
    const leave = this.#leave;
    const successor = this.#successor;
    if (leave === undefined || successor === undefined || !leave.carriesTrades) return;
    if (!this.#options.books().every((symbol) => leave.moved.has(symbol))) return;
    this.#promote(leave, successor, now);
  }

  #promote({ reason, moved, carriesTrades }: Leave, successor: FeedOpening, { wallMs }: Moment): void {
    const { books, deliver, promote, log, name } = this.#options;
    const times = { eventTimeMs: wallMs, receiveTimeMs: wallMs };
    const left = books().filter((symbol) => !moved.has(symbol));
    for (const symbol of left)
      deliver(symbol, { type: 'FeedStatus', status: 'disconnected', reason, ...times });
    this.takeSuccessor();
    promote(successor, { carriesTrades });
    log.info({ connection: name, cause: reason, booksCutOff: left.length }, 'moved to the successor');
  }

  #failed(leave: Leave, reason: string, nowMs: number): void {
    this.#successor = undefined;
    leave.subscribedAtMs = undefined;
    leave.carriesTrades = false;
    leave.openDueMs = nowMs + RETRY_MS;
    const moved = [...leave.moved];
    leave.moved.clear();
    for (const symbol of moved) this.#options.resyncOld(symbol, `its new connection was lost: ${reason}`);
    this.#options.log.warn(
      { connection: this.#options.name, cause: reason, delayMs: RETRY_MS },
      'the successor was lost, will open another',
    );
  }

  #giveUp({ reason }: Leave): void {
    this.end(reason);
    this.#options.giveUp(reason);
  }
}
