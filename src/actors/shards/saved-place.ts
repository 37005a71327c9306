/** Keeps in the database from where on the log of a shard is needed: one write at a time, and only where that has moved on. */
import { hasErrorCode } from '../../base/errors.ts';
import type { OutageLog } from '../../base/outage-log.ts';
import { describeCause } from '../../supervision/failure.ts';

export class SavedPlace {
  readonly #save: (place: number) => Promise<void>;
  readonly #onFenced: () => void;
  readonly #outage: OutageLog;
  #saved: number;
  #isSaving = false;

  constructor(options: {
    /** What the database holds at first. */
    saved: number;
    save: (place: number) => Promise<void>;
    /** Another node has the shard now. */
    onFenced: () => void;
    outage: OutageLog;
  }) {
    this.#saved = options.saved;
    this.#save = options.save;
    this.#onFenced = options.onFenced;
    this.#outage = options.outage;
  }

  /** What is asked for while a write is under way is left for the next time. */
  keep(place: number): void {
    if (this.#isSaving || place <= this.#saved) return;
    this.#isSaving = true;
    this.#save(place).then(
      () => {
        this.#saved = place;
        this.#isSaving = false;
        this.#outage.over('the place in the log is saved again');
      },
      (error: unknown) => {
        this.#isSaving = false;
        if (hasErrorCode(error, 'FENCED')) this.#onFenced();
        else this.#outage.failed({ cause: describeCause(error) }, 'the place in the log was not saved');
      },
    );
  }
}
