/** The scales that one connection taught us, one memory per symbol. */
import { ScaleMemory } from '../market/scale-memory.ts';

export class SymbolScales {
  readonly #memories = new Map<string, ScaleMemory>();
  readonly #keepTrailingZeros: boolean;

  constructor(options: { keepTrailingZeros: boolean }) {
    this.#keepTrailingZeros = options.keepTrailingZeros;
  }

  of(nativeSymbol: string): ScaleMemory {
    return this.#memories.get(nativeSymbol) ?? this.restart(nativeSymbol);
  }

  /** Forgets what was learnt of the symbol: its next event is read at its own scales. */
  restart(nativeSymbol: string): ScaleMemory {
    const memory = new ScaleMemory({ keepTrailingZeros: this.#keepTrailingZeros });
    this.#memories.set(nativeSymbol, memory);
    return memory;
  }
}
