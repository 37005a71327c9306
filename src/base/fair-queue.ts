/** Things that wait for their turn: those of one key in their order, keys taking turns, so that one with many holds up nobody else for long. */
export class FairQueue<Item> {
  /** In the order of their turns; none is empty. */
  readonly #items = new Map<string, Item[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(key: string, item: Item): void {
    const items = this.#items.get(key);
    if (items === undefined) this.#items.set(key, [item]);
    else items.push(item);
    this.#count++;
  }

  /** Returns whose turn is next; `undefined` when nothing waits. */
  peek(): Item | undefined {
    for (const [first] of this.#items.values()) return first;
    return undefined;
  }

  /** Takes out what `peek` returns; the turn of its key comes again after all others. */
  shift(): Item | undefined {
    for (const [key, items] of this.#items) {
      const item = items.shift();
      this.#items.delete(key);
      if (items.length > 0) this.#items.set(key, items);
      this.#count--;
      return item;
    }
    return undefined;
  }

  /** Takes out and returns all that fit. */
  removeWhere(fits: (item: Item) => boolean): Item[] {
    const removed: Item[] = [];
    for (const [key, items] of this.#items) {
      const kept: Item[] = [];
      for (const item of items) (fits(item) ? removed : kept).push(item);
      if (kept.length === 0) this.#items.delete(key);
      else this.#items.set(key, kept);
    }
    this.#count -= removed.length;
    return removed;
  }
}
