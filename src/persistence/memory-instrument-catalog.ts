import type { DesiredInstrument, InstrumentCatalog } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';

/** The in-memory twin of the instrument catalog. */
export class MemoryInstrumentCatalog implements InstrumentCatalog {
  readonly #known = new Map<InstrumentKey, DesiredInstrument>();
  readonly #desired = new Set<InstrumentKey>();

  list(): Promise<DesiredInstrument[]> {
    return Promise.resolve(
      [...this.#known.values()].filter(({ instrument }) => this.#desired.has(instrument)),
    );
  }

  add(instrument: Omit<DesiredInstrument, 'instrumentId'>): Promise<DesiredInstrument> {
    const instrumentId = this.#known.get(instrument.instrument)?.instrumentId ?? this.#known.size + 1;
    const added = { ...instrument, instrumentId };
    this.#known.set(instrument.instrument, added);
    this.#desired.add(instrument.instrument);
    return Promise.resolve(added);
  }

  remove(instrument: InstrumentKey): Promise<void> {
    this.#desired.delete(instrument);
    return Promise.resolve();
  }
}
