/** A value that pages look at. Who looks is told once per frame, however often it changed: nobody sees more, and a hidden tab draws nothing. */
import { useEffect, useReducer } from 'preact/hooks';

export interface Readable<Value> {
  get(): Value;
  subscribe(listener: () => void): () => void;
}

export class Store<Value> implements Readable<Value> {
  #value: Value;
  #isTelling = false;
  readonly #listeners = new Set<() => void>();

  constructor(value: Value) {
    this.#value = value;
  }

  get(): Value {
    return this.#value;
  }

  set(value: Value): void {
    this.#value = value;
    if (this.#isTelling || this.#listeners.size === 0) return;
    this.#isTelling = true;
    requestAnimationFrame(() => {
      this.#isTelling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** Returns the value, and draws the component again when there is another. */
export function useStore<Value>(store: Readable<Value>): Value {
  const [, drawAgain] = useReducer((count: number) => count + 1, 0);
  const drawn = store.get();
  useEffect(() => {
    // It may have changed between drawing and listening.
    if (store.get() !== drawn) drawAgain(undefined);
    return store.subscribe(() => drawAgain(undefined));
    // Only another store is another thing to listen to.
  }, [store]);
  return drawn;
}
