/** One channel of a node: who reads it, what it said last, and the messages it makes of what comes, each once for all readers. */
import type { LiveEvent, LiveMessage, LiveReader, Publication } from '../actors/ports.ts';
import { toStaleText } from './stale-text.ts';
import type { ValueVersion } from './value-head.ts';
import { compareVersions, stampValue } from './value-head.ts';

type HeldValue = {
  readonly publication: Publication;
  readonly needsLease: boolean;
  /** Made for the first reader. */
  message: LiveMessage | undefined;
};

export class LiveChannel {
  readonly #name: string;
  readonly #readers = new Set<LiveReader>();
  #held: HeldValue | undefined;
  /** Grows with each message, so that a hole tells a reader that some were passed over for him. */
  #number = 0;
  #doubtReason: string | undefined;
  /** Of the newest event, and which came at that very version. */
  #newestEvent: ValueVersion | undefined;
  readonly #identities = new Set<string>();
  /** Nothing is known of its value yet; an instrument may also say that it has none. */
  isUnknown = true;
  unreadSinceMs = 0;

  constructor(name: string) {
    this.#name = name;
  }

  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  join(reader: LiveReader, nowMs: number): void {
    this.#readers.add(reader);
    if (this.#held !== undefined) reader.tell((this.#held.message ??= this.#changeOf(this.#held, nowMs)));
    else if (this.#doubtReason !== undefined) reader.tell(this.#notice('stale', this.#doubtReason));
  }

  leave(reader: LiveReader): boolean {
    return this.#readers.delete(reader);
  }

  /** Takes a value that is newer than what is held, or of the same version and other: a status may change between two log entries. */
  setValue(publication: Publication, nowMs: number, { needsLease }: { needsLease: boolean }): void {
    this.isUnknown = false;
    this.#doubtReason = undefined;
    const held = this.#held?.publication;
    if (held !== undefined) {
      const order = compareVersions(publication, held);
      if (order < 0 || (order === 0 && publication.value === held.value)) return;
    }
    this.#hold({ publication, needsLease, message: undefined }, nowMs);
  }

  markStale(epoch: number, reason: string, nowMs: number): void {
    const held = this.#held?.publication;
    if (held === undefined) {
      this.doubt(reason);
      return;
    }
    const value = toStaleText(held.value, JSON.stringify(reason));
    if (held.epoch > epoch || value === held.value) return;
    this.#hold({ publication: { ...held, value }, needsLease: false, message: undefined }, nowMs);
  }

  /** Says that nobody can say what the value is; nothing where one is held. */
  doubt(reason: string): void {
    if (this.#held !== undefined || this.#doubtReason === reason) return;
    this.#doubtReason = reason;
    if (this.isRead) this.#tell(this.#notice('stale', reason));
  }

  /** Tells an event, unless it was told already: a new life of an actor tells candles of the last one again. */
  addEvent(
    event: LiveEvent,
    nowMs: number,
    { identity, needsLease }: { identity?: string; needsLease: boolean },
  ): void {
    const order = this.#newestEvent === undefined ? 1 : compareVersions(event, this.#newestEvent);
    if (order < 0) return;
    if (order > 0) this.#identities.clear();
    if (identity !== undefined && this.#identities.has(identity)) return;
    if (identity !== undefined) this.#identities.add(identity);
    this.#newestEvent = { epoch: event.epoch, seq: event.seq };
    this.#number++;
    if (this.isRead) this.#tell(this.#change(stampValue(event, nowMs), { isReplaceable: false, needsLease }));
  }

  /** Tells readers that nothing more will come. */
  end(reason: string): void {
    this.#tell(this.#notice('ended', reason));
    for (const reader of this.#readers) reader.ended(this.#name);
    this.#readers.clear();
  }

  #hold(held: HeldValue, nowMs: number): void {
    this.#held = held;
    this.#number++;
    if (!this.isRead) return;
    held.message = this.#changeOf(held, nowMs);
    this.#tell(held.message);
  }

  #changeOf({ publication, needsLease }: HeldValue, nowMs: number): LiveMessage {
    return this.#change(stampValue(publication, nowMs), { isReplaceable: true, needsLease });
  }

  #change(value: string, kind: Pick<LiveMessage, 'isReplaceable' | 'needsLease'>): LiveMessage {
    const text = `{"type":"change","channel":${JSON.stringify(this.#name)},"number":${this.#number},"value":${value}}`;
    return { channel: this.#name, text, ...kind };
  }

  #notice(type: 'stale' | 'ended', reason: string): LiveMessage {
    const text = JSON.stringify({ type, channel: this.#name, reason });
    return { channel: this.#name, text, isReplaceable: true, needsLease: false };
  }

  #tell(message: LiveMessage): void {
    for (const reader of this.#readers) reader.tell(message);
  }
}
