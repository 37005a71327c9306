/** The scales that one connection taught us, one memory per symbol. */
import { ScaleMemory } from '../market/scale-memory.ts';

/** Symbols remembered, far beyond those of one connection: an exchange that sends ever new ones must not fill the memory. */
export const MAX_SCALE_MEMORIES = 4_096;

export class SymbolScales {
  readonly #memories = new Map<string, ScaleMemory>();
  readonly #keepTrailingZeros: boolean;

  constructor(options: { keepTrailingZeros: boolean }) {
    this.#keepTrailingZeros = options.keepTrailingZeros;
  }

  of(nativeSymbol: string): ScaleMemory {
    return this.known(nativeSymbol) ?? this.restart(nativeSymbol);
  }

  /** Returns `undefined` when nothing was learnt of the symbol yet. */
  known(nativeSymbol: string): ScaleMemory | undefined {
    const known = this.#memories.get(nativeSymbol);
    // Only where many strangers come does it matter who was here last.
    if (known !== undefined && this.#memories.size > MAX_SCALE_MEMORIES / 2)
      this.#remember(nativeSymbol, known);
    return known;
  }

  /** Forgets what was learnt of the symbol: its next event is read at its own scales. */
  restart(nativeSymbol: string): ScaleMemory {
    const memory = new ScaleMemory({ keepTrailingZeros: this.#keepTrailingZeros });
    this.#remember(nativeSymbol, memory);
    return memory;
  }

  /** Keeps it as the newest; beyond the limit the one that was not used for longest is forgotten. */
  #remember(nativeSymbol: string, memory: ScaleMemory): void {
    this.#memories.delete(nativeSymbol);
    this.#memories.set(nativeSymbol, memory);
    if (this.#memories.size <= MAX_SCALE_MEMORIES) return;
    const [oldest] = this.#memories.keys();
    this.#memories.delete(oldest!);
  }
}
