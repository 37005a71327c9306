/** How the second feeds of a node's instruments stand, for the metrics page: told with each change and by nobody else. */
import type { BookTrack } from '../market/book-track.ts';
import type { DesiredInstrument } from './ports.ts';

export type StandbyStatus = BookTrack['bookStatus']['status'];

export class StandbyReadings {
  readonly #statuses = new Map<string, { readonly exchange: string; readonly status: StandbyStatus }>();
  readonly #switches = new Map<string, number>();

  /** @param switchCount how often the book of one feed took the place of the other's since this was told last */
  note({ exchange, instrument }: DesiredInstrument, status: StandbyStatus, switchCount: number): void {
    this.#statuses.set(instrument, { exchange, status });
    this.#switches.set(exchange, (this.#switches.get(exchange) ?? 0) + switchCount);
  }

  /** It runs here no longer. */
  forget({ instrument }: DesiredInstrument): void {
    this.#statuses.delete(instrument);
  }

  /** Books that stand by, counted by exchange and status; every status of an exchange that ever had one. */
  books(): { readonly exchange: string; readonly status: StandbyStatus; readonly count: number }[] {
    const all = [...this.#statuses.values()];
    return [...this.#switches.keys()].flatMap((exchange) =>
      (['empty', 'live', 'stale'] as const).map((status) => ({
        ...{ exchange, status },
        count: all.filter((one) => one.exchange === exchange && one.status === status).length,
      })),
    );
  }

  /** By exchange, since the process began. */
  switches(): ReadonlyMap<string, number> {
    return this.#switches;
  }
}
