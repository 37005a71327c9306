/** Who listens to which channel or pattern of the embedded server. */
import { matchesGlob } from './glob.ts';
import type { Reply } from './resp-reply.ts';

export interface Listener {
  push(message: readonly Reply[]): void;
}

/** Subscriptions of all clients together; each costs some hundred bytes. */
export const SUBSCRIPTIONS_MAX = 100_000;

export class Channels {
  #subscriptionCount = 0;
  readonly #byChannel = new Map<string, Set<Listener>>();
  readonly #byPattern = new Map<string, Set<Listener>>();

  /** Returns false when there are too many already. */
  subscribe(kind: 'channel' | 'pattern', name: string, listener: Listener): boolean {
    const listeners = this.#of(kind);
    const held = listeners.get(name);
    if (held?.has(listener) === true) return true;
    if (this.#subscriptionCount >= SUBSCRIPTIONS_MAX) return false;
    this.#subscriptionCount++;
    if (held === undefined) listeners.set(name, new Set([listener]));
    else held.add(listener);
    return true;
  }

  unsubscribe(kind: 'channel' | 'pattern', name: string, listener: Listener): void {
    const listeners = this.#of(kind);
    const held = listeners.get(name);
    if (held?.delete(listener) === true) this.#subscriptionCount--;
    if (held?.size === 0) listeners.delete(name);
  }

  /** Returns how many got the message. */
  publish(channel: string, message: string): number {
    let count = 0;
    for (const listener of this.#byChannel.get(channel) ?? []) {
      listener.push(['message', channel, message]);
      count++;
    }
    for (const [pattern, listeners] of this.#byPattern) {
      if (!matchesGlob(pattern, channel)) continue;
      for (const listener of listeners) {
        listener.push(['pmessage', pattern, channel, message]);
        count++;
      }
    }
    return count;
  }

  #of(kind: 'channel' | 'pattern'): Map<string, Set<Listener>> {
    return kind === 'channel' ? this.#byChannel : this.#byPattern;
  }
}
