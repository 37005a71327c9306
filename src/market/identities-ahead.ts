/**
 * Tells new trades from known ones while a batch is decided but not folded yet, exactly as if each trade were folded before the next one
 * is looked at. So the verdicts don't depend on how a feed cuts its events into batches, not even where old identities are forgotten.
 */
import { TradeIdentities } from './trade-identities.ts';

export class IdentitiesAhead {
  readonly #folded: TradeIdentities;
  /** Made with the first trade: most batches have none. */
  #added: Set<string> | undefined;
  /** A copy with everything added; made only when the cheap answer could be wrong. */
  #copy: TradeIdentities | undefined;

  constructor(folded: TradeIdentities) {
    this.#folded = folded;
  }

  /** Remembers the id and returns whether it was new; leaves the folded identities alone. */
  add(tradeId: string): boolean {
    if (this.#copy !== undefined) return this.#copy.add(tradeId);
    this.#added ??= new Set();
    if (!this.#added.has(tradeId) && !this.#folded.has(tradeId)) {
      this.#added.add(tradeId);
      return true;
    }
    if (this.#added.size <= this.#folded.spareCount) return false;
    // What was added may have pushed this very id out. Rare: a repeated id after new ones in one batch, while the memory is full.
    this.#copy = TradeIdentities.restore(this.#folded.snapshot());
    for (const added of this.#added) this.#copy.add(added);
    return this.#copy.add(tradeId);
  }
}
