/** Who listens to which channel or pattern of the embedded server. */
import { matchesGlob } from './glob.ts';
import type { Reply } from './resp-reply.ts';

export interface Listener {
  push(message: readonly Reply[]): void;
}

export class Channels {
  readonly #byChannel = new Map<string, Set<Listener>>();
  readonly #byPattern = new Map<string, Set<Listener>>();

  subscribe(kind: 'channel' | 'pattern', name: string, listener: Listener): void {
    const listeners = this.#of(kind);
    const held = listeners.get(name);
    if (held === undefined) listeners.set(name, new Set([listener]));
    else held.add(listener);
  }

  unsubscribe(kind: 'channel' | 'pattern', name: string, listener: Listener): void {
    const listeners = this.#of(kind);
    const held = listeners.get(name);
    held?.delete(listener);
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
