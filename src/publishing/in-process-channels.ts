/**
 * The channels of a node for readers who are connected to it, without Redis in between. Values are held only of channels that somebody reads, or
 * did a while ago; the first reader of one is the reason to ask its instrument.
 */
import type {
  LiveChannels,
  LiveEvent,
  LiveReader,
  LiveReaders,
  Publication,
  StaleMark,
  SupervisionEvent,
} from '../actors/ports.ts';
import { SUPERVISION_CHANNEL } from '../actors/ports.ts';
import type { Clock } from '../base/clock.ts';
import { closedCandlesKey, keysBeside } from './keys.ts';
import { LiveChannel } from './live-channel.ts';
import type { PublicationListener } from './shared-publisher.ts';
import { readVersion, withoutStamp } from './value-head.ts';

export type InProcessChannelsOptions = {
  readonly clock: Clock;
  /** Of this node as writer. */
  readonly epoch: number;
};

/** So long the value of a channel is kept up after its last reader went: who comes and goes does not make instruments answer each time. */
const UNREAD_KEPT_MS = 60_000;

export class InProcessChannels implements LiveChannels, LiveReaders, PublicationListener {
  readonly #clock: Clock;
  readonly #epoch: number;
  readonly #channels = new Map<string, LiveChannel>();
  #supervisionCount = 0;
  #isClosed = false;

  constructor(options: InProcessChannelsOptions) {
    this.#clock = options.clock;
    this.#epoch = options.epoch;
  }

  join(channel: string, reader: LiveReader): boolean {
    let joined = this.#channels.get(channel);
    if (joined === undefined) this.#channels.set(channel, (joined = new LiveChannel(channel)));
    joined.join(reader, this.#clock.nowMs());
    return !joined.isUnknown;
  }

  leave(channel: string, reader: LiveReader): void {
    const left = this.#channels.get(channel);
    if (left?.leave(reader) === true && !left.isRead) left.unreadSinceMs = this.#clock.monotonicMs();
  }

  unknownChannels(): string[] {
    return [...this.#channels]
      .filter(([, { isRead, isUnknown }]) => isRead && isUnknown)
      .map(([name]) => name);
  }

  offer(channel: string, value: Publication | undefined): void {
    const offered = this.#channels.get(channel);
    if (offered === undefined || this.#isClosed) return;
    if (value === undefined) offered.isUnknown = false;
    else offered.setValue(value, this.#clock.nowMs(), { needsLease: true });
  }

  doubt(channel: string, reason: string): void {
    this.#channels.get(channel)?.doubt(reason);
  }

  forgetUnread(): void {
    const beforeMs = this.#clock.monotonicMs() - UNREAD_KEPT_MS;
    for (const [name, { isRead, unreadSinceMs }] of this.#channels) {
      if (!isRead && unreadSinceMs <= beforeMs) this.#channels.delete(name);
    }
  }

  publish(publications: readonly Publication[]): void {
    if (this.#isClosed || this.#channels.size === 0) return;
    const nowMs = this.#clock.nowMs();
    for (const publication of publications) {
      if (publication.kind === 'latest')
        this.#channels.get(publication.key)?.setValue(publication, nowMs, { needsLease: true });
      else this.#addClosedCandle(publication, nowMs);
    }
  }

  markStale(marks: readonly StaleMark[]): void {
    if (this.#isClosed || this.#channels.size === 0) return;
    const nowMs = this.#clock.nowMs();
    for (const { key, epoch, reason } of marks) this.#channels.get(key)?.markStale(epoch, reason, nowMs);
  }

  expire(keys: readonly string[]): void {
    for (const owner of keys) {
      for (const { key } of keysBeside(owner)) this.end(key);
    }
  }

  /** Takes what another node published, as it is in Redis. It was said under that node's lease; what is no value of ours is passed over. */
  hear(channel: string, text: string, kind: Publication['kind']): void {
    const heard = this.#channels.get(channel);
    const version = readVersion(text);
    if (heard === undefined || version === undefined || this.#isClosed) return;
    const event = { ...version, value: withoutStamp(text) };
    const nowMs = this.#clock.nowMs();
    if (kind === 'latest') heard.setValue({ key: channel, kind, ...event }, nowMs, { needsLease: false });
    else heard.addEvent({ channel, ...event }, nowMs, { identity: candleIdentity(text), needsLease: false });
  }

  /** Channels that somebody reads. */
  readChannels(): string[] {
    return [...this.#channels].filter(([, { isRead }]) => isRead).map(([name]) => name);
  }

  isRead(channel: string): boolean {
    return !this.#isClosed && this.#channels.get(channel)?.isRead === true;
  }

  tell(event: LiveEvent): void {
    if (!this.#isClosed)
      this.#channels.get(event.channel)?.addEvent(event, this.#clock.nowMs(), { needsLease: true });
  }

  end(channel: string): void {
    this.#channels.get(channel)?.end('the instrument was stopped');
    this.#channels.delete(channel);
  }

  tellSupervision(event: SupervisionEvent): void {
    const channel = SUPERVISION_CHANNEL;
    const seq = ++this.#supervisionCount;
    if (!this.isRead(channel)) return;
    const epoch = this.#epoch;
    const value = JSON.stringify({ epoch, seq, type: 'supervision', version: 1, event });
    this.tell({ channel, epoch, seq, value });
  }

  /** This node speaks for its instruments no longer: what was said is in doubt, and nothing more is said. */
  close(reason: string): void {
    const nowMs = this.#clock.nowMs();
    for (const channel of this.#channels.values()) channel.markStale(this.#epoch, reason, nowMs);
    this.#isClosed = true;
  }

  #addClosedCandle({ key, epoch, seq, value }: Publication, nowMs: number): void {
    const channel = closedCandlesKey(key);
    this.#channels.get(channel)?.addEvent({ channel, epoch, seq, value }, nowMs, {
      identity: candleIdentity(value),
      needsLease: true,
    });
  }
}

/** The scripts of Redis know a candle by the same two fields. */
function candleIdentity(value: string): string {
  const openTime = /"openTimeMs":(-?\d+)/.exec(value)?.[1];
  return `${openTime ?? value} ${/"revision":(\d+)/.exec(value)?.[1] ?? ''}`;
}
