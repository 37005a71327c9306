/** Listens in on the publisher of a node: how long it is from one publication of a book to the next, which is an interval where nobody is late. */
import type { Publication, Publisher } from '../../src/actors/ports.ts';
import { percentiles } from '../harness/percentiles.ts';

export class PublishProbe {
  readonly #publisher: Pick<Publisher, 'publish'>;
  readonly #original: Publisher['publish'];
  readonly #lastMs = new Map<string, number>();
  readonly #gapsMs: number[] = [];

  constructor(publisher: Pick<Publisher, 'publish'>) {
    this.#publisher = publisher;
    this.#original = publisher.publish.bind(publisher);
    publisher.publish = (publications) => {
      this.#note(publications);
      this.#original(publications);
    };
  }

  /** Listens no longer. */
  end(): string {
    this.#publisher.publish = this.#original;
    return percentiles(this.#gapsMs);
  }

  #note(publications: readonly Publication[]): void {
    const nowMs = performance.now();
    for (const { key } of publications) {
      if (!key.startsWith('orderbook:') || !key.endsWith(':1')) continue;
      const lastMs = this.#lastMs.get(key);
      if (lastMs !== undefined) this.#gapsMs.push(nowMs - lastMs);
      this.#lastMs.set(key, nowMs);
    }
  }
}
