/** The newest ticker of each instrument that Kafka does not have yet: while it is away or slow, a newer one takes the place of an older. */
import type { Publication } from '../actors/ports.ts';
import type { OutputRecord } from '../actors/outputs.ts';

const TICKER_KEYS = 'ticker:';

export class LatestTickers {
  /** By key. */
  #waiting = new Map<string, Publication>();
  #conflatedCount = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** Tickers that a newer one replaced before they were sent. */
  get conflatedCount(): number {
    return this.#conflatedCount;
  }

  publish(publications: readonly Publication[]): void {
    for (const publication of publications) {
      if (publication.kind !== 'latest' || !publication.key.startsWith(TICKER_KEYS)) continue;
      if (this.#waiting.has(publication.key)) this.#conflatedCount++;
      this.#waiting.set(publication.key, publication);
    }
  }

  /** Of books alone. */
  markStale(): void {
    return undefined;
  }

  expire(keys: readonly string[]): void {
    for (const key of keys) this.#waiting.delete(key);
  }

  /** Takes all; what could not be sent is to be published again. */
  take(): Publication[] {
    const taken = [...this.#waiting.values()];
    this.#waiting.clear();
    return taken;
  }

  /** Puts back what was taken and not sent, where nothing newer has come. */
  putBack(publications: readonly Publication[]): void {
    for (const publication of publications) {
      if (this.#waiting.has(publication.key)) this.#conflatedCount++;
      else this.#waiting.set(publication.key, publication);
    }
  }
}

/** Returns the record of a ticker; its value is that of Redis. */
export function tickerOutput({ epoch, seq, value }: Publication): OutputRecord {
  // Decimals in it are strings, and nothing of it is written back.
  const { exchange, symbol } = JSON.parse(value) as { readonly exchange: string; readonly symbol: string };
  const key = `${exchange}:${symbol}`;
  return { topic: 'tickers', key, id: `${key}/${epoch}/${seq}`, value };
}
