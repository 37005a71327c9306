/** Timers by due time; those of the same time in the order of their making. A cancelled one stays until its time and is then left out. */
import type { TimerHandle } from '../../../src/base/clock.ts';

type Entry<Item> = { readonly dueMs: number; readonly order: number; item: Item | undefined };

export class TimerHeap<Item> {
  readonly #entries: Entry<Item>[] = [];
  #order = 0;

  get nextDueMs(): number | undefined {
    while (this.#entries.length > 0 && this.#entries[0]!.item === undefined) this.#removeFirst();
    return this.#entries[0]?.dueMs;
  }

  add(dueMs: number, item: Item): TimerHandle {
    const entry: Entry<Item> = { dueMs, order: this.#order++, item };
    const entries = this.#entries;
    let index = entries.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[index] = entries[parent]!;
      index = parent;
    }
    entries[index] = entry;
    return { cancel: () => (entry.item = undefined) };
  }

  /** Takes out the first that is due at `nowMs`; `undefined` when none is. */
  take(nowMs: number): Item | undefined {
    const dueMs = this.nextDueMs;
    if (dueMs === undefined || dueMs > nowMs) return undefined;
    return this.#removeFirst();
  }

  #removeFirst(): Item | undefined {
    const entries = this.#entries;
    const first = entries[0]!;
    const last = entries.pop()!;
    if (entries.length > 0) {
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        if (child >= entries.length) break;
        if (child + 1 < entries.length && isBefore(entries[child + 1]!, entries[child]!)) child++;
        if (!isBefore(entries[child]!, last)) break;
        entries[index] = entries[child]!;
        index = child;
      }
      entries[index] = last;
    }
    return first.item;
  }
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.dueMs !== b.dueMs ? a.dueMs < b.dueMs : a.order < b.order;
}
