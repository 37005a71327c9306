/**
 * What waits for one client to read. A value gives way to the next of its channel, in its place, so that the oldest channel comes first and there is at
 * most one of each. What can't give way is bounded in number and bytes; beyond that it is dropped, and the client is told how many of which channel.
 */
import type { LiveMessage } from '../../actors/ports.ts';
import { ALL_EVENTS_MAX_BYTES, CLIENT_EVENTS_MAX, CLIENT_EVENTS_MAX_BYTES } from './gateway-limits.ts';
import { droppedText } from './stream-messages.ts';

/** Counts of all outboxes of a node. */
export type OutboxTotals = { eventBytes: number; replacedCount: number; droppedCount: number };

type Waiting = { readonly message: LiveMessage; readonly sinceMs: number };

export class Outbox {
  readonly #totals: OutboxTotals;
  /** Oldest first. Values by their channel, the others by a number of their own. */
  readonly #waiting = new Map<string | number, Waiting>();
  readonly #urgent: LiveMessage[] = [];
  readonly #dropped = new Map<string, number>();
  #nextNumber = 0;
  #eventCount = 0;
  #eventBytes = 0;

  constructor(totals: OutboxTotals) {
    this.#totals = totals;
  }

  get eventCount(): number {
    return this.#eventCount;
  }

  get eventBytes(): number {
    return this.#eventBytes;
  }

  /** Since when the oldest message waits; `undefined` when none does. */
  get oldestSinceMs(): number | undefined {
    for (const { sinceMs } of this.#waiting.values()) return sinceMs;
    return undefined;
  }

  add(message: LiveMessage, nowMs: number): void {
    if (message.isReplaceable) {
      const held = this.#waiting.get(message.channel);
      if (held !== undefined) this.#totals.replacedCount++;
      this.#waiting.set(message.channel, { message, sinceMs: held?.sinceMs ?? nowMs });
      return;
    }
    if (!this.#hasRoomFor(message)) {
      this.#totals.droppedCount++;
      this.#dropped.set(message.channel, (this.#dropped.get(message.channel) ?? 0) + 1);
      return;
    }
    this.#tellDropped(message.channel, nowMs);
    this.#addEvent(message, nowMs);
  }

  /** Adds an answer; returns false where there is no room for it: a client that asks and asks and does not read. */
  addAnswer(text: string, nowMs: number): boolean {
    const message = ownMessage(text);
    if (!this.#hasRoomFor(message)) return false;
    this.#addEvent(message, nowMs);
    return true;
  }

  /** What is to be read before all that waits. */
  addUrgent(text: string): void {
    this.#urgent.push(ownMessage(text));
  }

  /** Returns what is to be sent next; without `mayPromise` nothing that wants the lease. */
  take(options: { readonly mayPromise: boolean }): LiveMessage | undefined {
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return urgent;
    for (const [key, { message }] of this.#waiting) {
      if (message.needsLease && !options.mayPromise) continue;
      this.#remove(key, message);
      return message;
    }
    for (const [channel, count] of this.#dropped) {
      this.#dropped.delete(channel);
      return ownMessage(droppedText(channel, count));
    }
    return undefined;
  }

  /** Nothing more of the channel is wanted. */
  forget(channel: string): void {
    this.#dropped.delete(channel);
    for (const [key, { message }] of this.#waiting)
      if (message.channel === channel) this.#remove(key, message);
  }

  clear(): void {
    for (const [key, { message }] of this.#waiting) this.#remove(key, message);
    this.#dropped.clear();
  }

  #hasRoomFor({ text }: LiveMessage): boolean {
    return (
      this.#eventCount < CLIENT_EVENTS_MAX &&
      (this.#eventCount === 0 || this.#eventBytes + text.length <= CLIENT_EVENTS_MAX_BYTES) &&
      this.#totals.eventBytes + text.length <= ALL_EVENTS_MAX_BYTES
    );
  }

  /** The hole is told where it is. */
  #tellDropped(channel: string, nowMs: number): void {
    const count = this.#dropped.get(channel);
    if (count === undefined) return;
    this.#dropped.delete(channel);
    this.#addEvent({ ...ownMessage(droppedText(channel, count)), channel }, nowMs);
  }

  #addEvent(message: LiveMessage, nowMs: number): void {
    this.#waiting.set(this.#nextNumber++, { message, sinceMs: nowMs });
    this.#count(message, 1);
  }

  #remove(key: string | number, message: LiveMessage): void {
    this.#waiting.delete(key);
    if (!message.isReplaceable) this.#count(message, -1);
  }

  #count({ text }: LiveMessage, sign: 1 | -1): void {
    this.#eventCount += sign;
    this.#eventBytes += sign * text.length;
    this.#totals.eventBytes += sign * text.length;
  }
}

function ownMessage(text: string): LiveMessage {
  return { channel: '', text, isReplaceable: false, needsLease: false };
}
