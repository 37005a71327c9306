/** When a client has to ping by a frame of its own, where the exchange wants that. */
import type { ExchangeAdapter } from './adapter.ts';
import type { Moment } from './moment.ts';

export class ClientPing {
  readonly #ping: ExchangeAdapter['clientPing'];
  #lastMs = 0;

  constructor(ping: ExchangeAdapter['clientPing']) {
    this.#ping = ping;
  }

  begin(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** Returns the frame that is due, once; `undefined` when none is. */
  take({ wallMs, monotonicMs }: Moment, lastSoundMs: number): string | undefined {
    const ping = this.#ping;
    if (ping === undefined) return undefined;
    const sinceMs = ping.whenIdle ? Math.max(this.#lastMs, lastSoundMs) : this.#lastMs;
    if (monotonicMs - sinceMs < ping.everyMs) return undefined;
    this.#lastMs = monotonicMs;
    return ping.frame(wallMs);
  }
}
