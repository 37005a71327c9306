/**
 * One client of the stream: what it says, which channels it reads, and what it is told at the pace at which it reads. It may be slow for a while, then
 * it is warned, then disconnected; nobody waits for it.
 */
import type { LiveChannels, LiveMessage, LiveReader } from '../../actors/ports.ts';
import { TampinesError } from '../../base/errors.ts';
import type { Clock } from '../../base/clock.ts';
import { SlidingBudget } from '../../base/sliding-budget.ts';
import type { ChannelDirectory } from './channel-directory.ts';
import type { FirstValues } from './first-values.ts';
import {
  CLIENT_CHANNELS_MAX,
  CLOSE_GRACE_MS,
  DISCONNECT_LATE_MS,
  MESSAGES_PER_SECOND_MAX,
  PING_EVERY_MS,
  WARN_LATE_MS,
} from './gateway-limits.ts';
import type { OutboxTotals } from './outbox.ts';
import { Outbox } from './outbox.ts';
import { frameOf } from './shared-frame.ts';
import type { ClientMessage, RefusedChannel } from './stream-messages.ts';
import {
  CLOSE_CODES,
  errorText,
  parseClientMessage,
  pongText,
  subscribedText,
  unsubscribedText,
  warningText,
} from './stream-messages.ts';

/** The socket below the WebSocket: frames are written to it as they are. */
export interface FrameSocket {
  write(frame: Buffer): boolean;
  cork(): void;
  uncork(): void;
  /** What was written waits for the client to read; `drain` tells when it does no longer. */
  readonly writableNeedDrain: boolean;
}

/** The WebSocket itself, for what is not data. */
export interface StreamPeer {
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export type SessionSurroundings = {
  readonly clock: Clock;
  readonly channels: LiveChannels;
  readonly directory: ChannelDirectory;
  readonly firstValues: FirstValues;
  readonly totals: SessionTotals;
  /** Has `flush` called in this turn of the event loop. */
  readonly soon: (session: GatewaySession) => void;
};

/** Counts of all clients since the start. */
export type SessionTotals = OutboxTotals & {
  sentCount: number;
  sentBytes: number;
  readonly endedCounts: Map<EndCause, number>;
};

type ToldCause = 'slow' | 'flooding' | 'stopping';
export type EndCause = ToldCause | 'silent';

export type SessionConnection = {
  readonly socket: FrameSocket;
  readonly peer: StreamPeer;
  /** permessage-deflate was agreed on, with the window that frames are compressed for. */
  readonly takesDeflate: boolean;
};

export class GatewaySession implements LiveReader {
  readonly #surroundings: SessionSurroundings;
  readonly #connection: SessionConnection;
  readonly #outbox: Outbox;
  readonly #channels = new Set<string>();
  readonly #messageBudget = new SlidingBudget({ maxWeight: MESSAGES_PER_SECOND_MAX, windowMs: 1_000 });
  #lastPingMs: number;
  /** It gave a sign since the last ping. */
  #isHeard = true;
  #isWarned = false;
  /** When the connection was ended; it has until the end of the grace to take the reason. */
  #endedMs: number | undefined;

  constructor(surroundings: SessionSurroundings, connection: SessionConnection) {
    this.#surroundings = surroundings;
    this.#connection = connection;
    this.#outbox = new Outbox(surroundings.totals);
    this.#lastPingMs = surroundings.clock.monotonicMs();
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  get waiting(): Pick<Outbox, 'eventCount' | 'eventBytes'> {
    return this.#outbox;
  }

  tell(message: LiveMessage): void {
    if (this.#endedMs !== undefined) return;
    this.#outbox.add(message, this.#surroundings.clock.monotonicMs());
    this.#surroundings.soon(this);
  }

  ended(channel: string): void {
    this.#channels.delete(channel);
  }

  /** Says something to this client alone. */
  answer(text: string): void {
    if (this.#endedMs !== undefined) return;
    if (!this.#outbox.addAnswer(text, this.#surroundings.clock.monotonicMs())) {
      this.end('slow', 'asks without reading the answers');
      return;
    }
    this.#surroundings.soon(this);
  }

  /** Any frame came; returns whether it may be looked at. */
  heard(): boolean {
    this.#isHeard = true;
    if (this.#endedMs !== undefined) return false;
    if (this.#messageBudget.take(1, this.#surroundings.clock.monotonicMs()) === 0) return true;
    this.end('flooding', `sent more than ${MESSAGES_PER_SECOND_MAX} frames within a second`);
    return false;
  }

  receive(text: string): void {
    if (!this.heard()) return;
    try {
      this.#carryOut(parseClientMessage(text));
    } catch (error) {
      if (!(error instanceof TampinesError)) throw error;
      this.answer(errorText(error));
    }
  }

  /** Writes what waits until the client has to read first. */
  flush(options: { readonly mayPromise: boolean }): void {
    const { socket, takesDeflate } = this.#connection;
    const { totals } = this.#surroundings;
    socket.cork();
    while (this.#endedMs === undefined && !socket.writableNeedDrain) {
      const message = this.#outbox.take(options);
      if (message === undefined) break;
      const frame = frameOf(message, { takesDeflate });
      totals.sentCount++;
      totals.sentBytes += frame.length;
      socket.write(frame);
    }
    socket.uncork();
  }

  /**
   * Looks whether the client reads and lives.
   * @param sinceMs from when on it could have been sent everything: it is not to blame for what waited before
   */
  look(sinceMs: number): void {
    const nowMs = this.#surroundings.clock.monotonicMs();
    if (this.#endedMs !== undefined) {
      if (nowMs - this.#endedMs >= CLOSE_GRACE_MS) this.#connection.peer.terminate();
      return;
    }
    const lateMs = this.#latenessMs(nowMs, sinceMs);
    if (lateMs >= DISCONNECT_LATE_MS) {
      this.end('slow', `reads too slowly: a message has waited for ${Math.round(lateMs)} ms`);
      return;
    }
    this.#warn(lateMs);
    if (nowMs - this.#lastPingMs < PING_EVERY_MS) return;
    if (!this.#isHeard) {
      this.#count('silent');
      this.leaveAll();
      this.#endedMs = nowMs;
      this.#connection.peer.terminate();
      return;
    }
    this.#isHeard = false;
    this.#lastPingMs = nowMs;
    this.#connection.peer.ping();
  }

  /** Ends the connection with a reason; who does not take it is cut off after the grace. */
  end(cause: ToldCause, reason: string): void {
    if (this.#endedMs !== undefined) return;
    this.#endedMs = this.#surroundings.clock.monotonicMs();
    this.#count(cause);
    this.leaveAll();
    this.#connection.peer.close(CODE_OF[cause], reason.slice(0, 120));
  }

  leaveAll(): void {
    for (const channel of this.#channels) this.#surroundings.channels.leave(channel, this);
    this.#channels.clear();
    this.#outbox.clear();
  }

  #carryOut(message: ClientMessage): void {
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message);
        return;
      case 'unsubscribe':
        for (const channel of message.channels) this.#leave(channel);
        this.answer(unsubscribedText(message.id, message.channels));
        return;
      case 'ping':
        this.answer(pongText(message.id));
        return;
      default:
        message satisfies never;
    }
  }

  #subscribe({ id, channels }: Extract<ClientMessage, { type: 'subscribe' }>): void {
    const taken: string[] = [];
    const added: string[] = [];
    const refused: RefusedChannel[] = [];
    for (const channel of new Set(channels)) {
      const refusal = this.#channels.has(channel) ? undefined : this.#refusalOf(channel);
      if (refusal !== undefined) {
        refused.push(refusal);
        continue;
      }
      taken.push(channel);
      if (this.#channels.has(channel)) continue;
      this.#channels.add(channel);
      added.push(channel);
    }
    // The answer comes before the first values.
    this.answer(subscribedText(id, taken, refused));
    if (this.#endedMs !== undefined) return;
    const { channels: live, firstValues } = this.#surroundings;
    for (const channel of added) {
      if (!live.join(channel, this)) void firstValues.ask(channel);
    }
  }

  #refusalOf(channel: string): RefusedChannel | undefined {
    if (this.#channels.size >= CLIENT_CHANNELS_MAX) {
      const message = `You read ${CLIENT_CHANNELS_MAX} channels already`;
      return { channel, code: 'TOO_MANY_REQUESTS', message };
    }
    try {
      this.#surroundings.directory.find(channel);
      return undefined;
    } catch (error) {
      if (!(error instanceof TampinesError)) throw error;
      return { channel, code: error.code, message: error.message };
    }
  }

  #leave(channel: string): void {
    if (!this.#channels.delete(channel)) return;
    this.#surroundings.channels.leave(channel, this);
    this.#outbox.forget(channel);
  }

  #latenessMs(nowMs: number, sinceMs: number): number {
    const { oldestSinceMs } = this.#outbox;
    if (oldestSinceMs === undefined || !this.#connection.socket.writableNeedDrain) return 0;
    return nowMs - Math.max(oldestSinceMs, sinceMs);
  }

  #warn(lateMs: number): void {
    if (lateMs < WARN_LATE_MS) {
      this.#isWarned = false;
      return;
    }
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#outbox.addUrgent(warningText({ lateMs: Math.round(lateMs), disconnectMs: DISCONNECT_LATE_MS }));
  }

  #count(cause: EndCause): void {
    const { endedCounts } = this.#surroundings.totals;
    endedCounts.set(cause, (endedCounts.get(cause) ?? 0) + 1);
  }
}

const CODE_OF: Readonly<Record<ToldCause, number>> = {
  slow: CLOSE_CODES.slowReader,
  flooding: CLOSE_CODES.tooManyMessages,
  stopping: CLOSE_CODES.stopping,
};
