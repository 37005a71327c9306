/**
 * One socket from its opening to its end, with all that comes in beside it (REST answers) in one inbox, in the order of arrival. A connection
 * makes a new line for each opening, so what an old socket still says lies in an inbox that nobody reads.
 */
import type { MissingTrades } from '../exchanges/adapter.ts';
import type { SnapshotAnswer } from '../exchanges/feed-session.ts';
import type { NativeSymbol } from '../market/symbols.ts';
import type { Clock } from '../base/clock.ts';
import { LineProbe } from './line-probe.ts';
import type { FeedSocket, FeedTransport } from './feed-ports.ts';

/** Frames in the inbox at which the socket is paused until they are worked off. */
export const INBOX_PAUSE_FRAMES = 4_096;
/** Bytes in the inbox at which it is paused, be they few frames: a character counts as one. */
export const INBOX_PAUSE_BYTES = 16 * 1024 * 1024;

export type LineItem =
  | { readonly type: 'opened' }
  | { readonly type: 'frame'; readonly frame: string | Uint8Array; readonly receiveTimeMs: number }
  | {
      readonly type: 'answer';
      readonly nativeSymbol: NativeSymbol;
      readonly answer: SnapshotAnswer;
      readonly receiveTimeMs: number;
    }
  | {
      readonly type: 'pastTrades';
      readonly nativeSymbol: NativeSymbol;
      /** What was asked for. */
      readonly missing: MissingTrades;
      readonly answer: SnapshotAnswer;
      readonly receiveTimeMs: number;
    }
  | { readonly type: 'closed'; readonly reason: string };

export type FeedLineOptions = {
  readonly transport: FeedTransport;
  readonly socket: Parameters<FeedTransport['open']>[0];
  readonly clock: Clock;
  /** Something lies in the inbox; told once until `take`. */
  readonly onWakeUp: () => void;
  /** The inbox is full: the socket was paused. */
  readonly onFull: () => void;
};

export class FeedLine {
  readonly #onWakeUp: () => void;
  readonly #onFull: () => void;
  readonly #socket: FeedSocket;
  readonly #clock: Clock;
  /** From the opening on, where there is another side that can be asked. */
  #probe: LineProbe | undefined;
  #inbox: LineItem[] = [];
  #inboxBytes = 0;
  #isPaused = false;
  #isClosed = false;

  constructor({ transport, socket, clock, onWakeUp, onFull }: FeedLineOptions) {
    this.#onWakeUp = onWakeUp;
    this.#onFull = onFull;
    this.#clock = clock;
    this.#socket = transport.open(socket, {
      onOpen: () => {
        if (this.#socket.ping !== undefined) this.#probe = new LineProbe(clock.monotonicMs());
        this.put({ type: 'opened' });
      },
      onFrame: (frame, receiveTimeMs) => {
        this.#probe?.heard(clock.monotonicMs());
        this.put({ type: 'frame', frame, receiveTimeMs });
      },
      onSign: ({ isAnswer }) => {
        if (isAnswer) this.#probe?.answered(clock.monotonicMs());
        else this.#probe?.heard(clock.monotonicMs());
      },
      onClosed: (reason) => this.put({ type: 'closed', reason }),
    });
  }

  get inboxCount(): number {
    return this.#inbox.length;
  }

  get inboxBytes(): number {
    return this.#inboxBytes;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Nothing is put any more once the line was closed by us. */
  put(item: LineItem): void {
    if (this.#isClosed) return;
    this.#inbox.push(item);
    this.#inboxBytes += countBytes(item);
    if (this.#inbox.length === 1) this.#onWakeUp();
    const isFull = this.#inbox.length >= INBOX_PAUSE_FRAMES || this.#inboxBytes >= INBOX_PAUSE_BYTES;
    if (!isFull || this.#isPaused) return;
    this.pause();
    this.#onFull();
  }

  /** Returns what lies in the inbox, which is empty afterwards. */
  take(): readonly LineItem[] {
    const items = this.#inbox;
    this.#forget();
    return items;
  }

  send(frame: string): void {
    this.#socket.send(frame);
  }

  /** Lets time pass: asks a silent socket whether anybody is there, and ends one that does not answer. Wanted four times a second. */
  tick(): void {
    const verdict = this.#probe?.tick(this.#clock.monotonicMs(), this.#isPaused);
    if (verdict === 'ask') this.#socket.ping?.();
    else if (verdict === 'dead') this.hangUp('it answers no ping: the connection is half-open');
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  /** Asks the socket to end; `closed` arrives in the inbox like everything before it. */
  hangUp(reason: string): void {
    this.#socket.close(reason);
  }

  /** Ends the line at once: what lies in the inbox, and whatever the socket still says, is dropped. */
  close(reason: string): void {
    this.#isClosed = true;
    this.#forget();
    this.#socket.close(reason);
  }

  #forget(): void {
    this.#inbox = [];
    this.#inboxBytes = 0;
  }
}

function countBytes(item: LineItem): number {
  if (item.type === 'frame') return item.frame.length;
  return 'answer' in item && item.answer.ok ? item.answer.body.length : 0;
}
