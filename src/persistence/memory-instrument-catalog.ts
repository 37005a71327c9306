import type { DesiredInstrument, InstrumentCatalog, InstrumentSettings } from '../actors/ports.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { neverAdded } from './instrument-catalog.ts';

/** The in-memory twin of the instrument catalog. */
export class MemoryInstrumentCatalog implements InstrumentCatalog {
  readonly #known = new Map<InstrumentKey, DesiredInstrument>();
  readonly #desired = new Set<InstrumentKey>();

  list(): Promise<DesiredInstrument[]> {
    return Promise.resolve(
      [...this.#known.values()].filter(({ instrument }) => this.#desired.has(instrument)),
    );
  }

  add(instrument: Omit<DesiredInstrument, 'instrumentId' | 'settings'>): Promise<DesiredInstrument> {
    const instrumentId = this.#known.get(instrument.instrument)?.instrumentId ?? this.#known.size + 1;
    const settings = this.#known.get(instrument.instrument)?.settings ?? {};
    const added = { ...instrument, instrumentId, settings };
    this.#known.set(instrument.instrument, added);
    this.#desired.add(instrument.instrument);
    return Promise.resolve(added);
  }

  async configure(instrument: InstrumentKey, settings: InstrumentSettings): Promise<void> {
    await Promise.resolve();
    const known = this.#known.get(instrument);
    if (known === undefined) throw neverAdded(instrument);
    this.#known.set(instrument, { ...known, settings });
  }

  remove(instrument: InstrumentKey): Promise<void> {
    this.#desired.delete(instrument);
    return Promise.resolve();
  }
}
