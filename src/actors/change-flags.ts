/**
 * What of an instrument changed since it was last published, and `state`, whether anything but time did since its last checkpoint. Whoever publishes
 * it is told when something did, for of many instruments nearly all have nothing to tell in nearly all rounds.
 */
export class ChangeFlags {
  /** Whether anything but time changed since the last checkpoint. */
  state = false;
  /** Called when something is to be published, once until `forgetMark`. */
  onMarked: (() => void) | undefined;
  #isMarked = false;
  #book = false;
  #ticker = false;
  #candles = false;

  get book(): boolean {
    return this.#book;
  }

  set book(hasChanged: boolean) {
    this.#book = hasChanged;
    if (hasChanged) this.#mark();
  }

  get ticker(): boolean {
    return this.#ticker;
  }

  set ticker(hasChanged: boolean) {
    this.#ticker = hasChanged;
    if (hasChanged) this.#mark();
  }

  get candles(): boolean {
    return this.#candles;
  }

  set candles(hasChanged: boolean) {
    this.#candles = hasChanged;
    if (hasChanged) this.#mark();
  }

  /** Whether something is to be published. */
  get hasAny(): boolean {
    return this.#book || this.#ticker || this.#candles;
  }

  /** The next change is told again. */
  forgetMark(): void {
    this.#isMarked = false;
  }

  #mark(): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    this.onMarked?.();
  }
}
