/** Listens to what is published of books, and says for how long each was not told to be live. */
import { Redis } from 'ioredis';

/** Live ones come ten times a second. */
export const LIVE_WITHIN_MS = 1_000;

type Heard = { liveAtMs: number; epoch: number; firstEpoch: number; silentMs: number };

export class SilenceWatch {
  readonly #redis: Redis;
  readonly #heard: Map<string, Heard>;

  private constructor(redis: Redis, channels: readonly string[]) {
    this.#redis = redis;
    this.#heard = new Map(
      channels.map((channel) => [channel, { liveAtMs: -Infinity, epoch: 0, firstEpoch: 0, silentMs: 0 }]),
    );
    redis.on('message', (channel: string, text: string) => this.#hear(channel, text));
  }

  static async open(url: string, channels: readonly string[]): Promise<SilenceWatch> {
    const redis = new Redis(url);
    const watch = new SilenceWatch(redis, channels);
    await redis.subscribe(...channels);
    return watch;
  }

  get areAllLive(): boolean {
    const nowMs = performance.now();
    return [...this.#heard.values()].every(({ liveAtMs }) => nowMs - liveAtMs < LIVE_WITHIN_MS);
  }

  /** From now on the longest silence of each counts; the returned function gives it, and whether it has another owner since. */
  begin(): () => readonly { readonly silentMs: number; readonly hasMoved: boolean }[] {
    for (const heard of this.#heard.values()) {
      heard.silentMs = 0;
      heard.firstEpoch = heard.epoch;
    }
    return () =>
      [...this.#heard.values()].map(({ silentMs, epoch, firstEpoch }) => ({
        silentMs,
        hasMoved: epoch !== firstEpoch,
      }));
  }

  close(): void {
    this.#redis.disconnect();
  }

  #hear(channel: string, text: string): void {
    const heard = this.#heard.get(channel);
    const { status, epoch } = JSON.parse(text) as { status: string; epoch: number };
    if (heard === undefined || status !== 'live') return;
    const nowMs = performance.now();
    if (heard.liveAtMs > 0) heard.silentMs = Math.max(heard.silentMs, nowMs - heard.liveAtMs);
    heard.liveAtMs = nowMs;
    heard.epoch = epoch;
  }
}
