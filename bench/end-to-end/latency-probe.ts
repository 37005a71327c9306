/** Listens in on a node: how long each event took from its frame to the disk, and each round of publications to Redis. */
import type { TampinesNode } from '../../src/main.ts';
import { percentiles } from '../harness/percentiles.ts';

export class LatencyProbe {
  readonly #durableMs: number[] = [];
  readonly #publishedMs: number[] = [];

  constructor({ storage, publisher }: TampinesNode) {
    const { journal } = storage;
    const append = journal.append.bind(journal);
    journal.append = async (claim, instrument, batchNumber, entry) => {
      await append(claim, instrument, batchNumber, entry);
      const nowMs = Date.now();
      for (const { receiveTimeMs } of entry.events) this.#durableMs.push(nowMs - receiveTimeMs);
    };
    const rounds = this.#publishedMs;
    Object.defineProperty(publisher.metrics, 'latenessMs', {
      get: () => rounds.at(-1) ?? 0,
      set: (latenessMs: number) => void rounds.push(latenessMs),
    });
  }

  describe(): string {
    return `frame received to durable ${percentiles(this.#durableMs)}; handed over to Redis has it ${percentiles(this.#publishedMs)} by rounds`;
  }
}
