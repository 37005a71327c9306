import type { SupervisionCount } from '../actors/ports.ts';

/** Supervision events by kind, since the process began: none gives way, as records do. */
export class SupervisionCounts {
  readonly #counts = new Map<string, number>();

  add(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  all(): SupervisionCount[] {
    return [...this.#counts].map(([kind, count]) => ({ kind, count }));
  }
}
