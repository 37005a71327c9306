/** Hands what instruments publish to Redis and to whoever listens in this process: the very same texts, built once. */
import type { Publication, Publisher, StaleMark } from '../actors/ports.ts';

/** Hears what is published, and waits for nobody. */
export type PublicationListener = Pick<Publisher, 'publish' | 'markStale' | 'expire'>;

export class SharedPublisher implements Publisher {
  readonly #publisher: Publisher;
  readonly #listener: PublicationListener;

  constructor(publisher: Publisher, listener: PublicationListener) {
    this.#publisher = publisher;
    this.#listener = listener;
  }

  publish(publications: readonly Publication[]): void {
    this.#publisher.publish(publications);
    this.#listener.publish(publications);
  }

  refresh(keys: readonly string[]): void {
    this.#publisher.refresh(keys);
  }

  markStale(marks: readonly StaleMark[]): void {
    this.#publisher.markStale(marks);
    this.#listener.markStale(marks);
  }

  expire(keys: readonly string[]): void {
    this.#publisher.expire(keys);
    this.#listener.expire(keys);
  }

  flush(timeoutMs: number): Promise<void> {
    return this.#publisher.flush(timeoutMs);
  }
}
