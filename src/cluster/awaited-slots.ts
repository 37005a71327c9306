/**
 * Slots of this node's share that another one holds. Their feeds are opened beside that one's, and the table of leases is told that this node waits for
 * them, and when their books are sure (rule 6 of `ingest-leases.ts`).
 */
import type { Log } from '../base/log.ts';
import type { LeaseHolder, LeaseTable, Slot, SlotRow } from './ports.ts';

export type AwaitedSlotsOptions = {
  readonly node: LeaseHolder;
  readonly table: Pick<LeaseTable, 'announce'>;
  readonly log: Log;
  /** The feeds of the slot are to be opened, and write nothing. Resolves when their books are sure. */
  readonly onAwaited: (slot: Slot) => Promise<void>;
  /** It is not to be fed here after all. */
  readonly onForgone: (slot: Slot) => void | Promise<void>;
  /** There is something to announce. */
  readonly onReady: () => void;
};

type Awaited = { readonly slot: Slot; isReady: boolean };

export class AwaitedSlots {
  readonly #options: AwaitedSlotsOptions;
  readonly #awaited = new Map<string, Awaited>();

  constructor(options: AwaitedSlotsOptions) {
    this.#options = options;
  }

  /** Has the feeds of these opened, where they are not yet. By name. */
  open(slots: ReadonlyMap<string, Slot>): void {
    const { log, onAwaited, onReady } = this.#options;
    for (const [name, slot] of slots) {
      if (this.#awaited.has(name)) continue;
      const awaited: Awaited = { slot, isReady: false };
      this.#awaited.set(name, awaited);
      onAwaited(slot).then(
        () => {
          awaited.isReady = true;
          onReady();
        },
        (error: unknown) => {
          log.error({ err: error, slot: name }, 'feeds of a slot to come were not opened, will try again');
          if (this.#awaited.get(name) === awaited) this.#awaited.delete(name);
        },
      );
    }
  }

  /** Has the feeds of those closed that are not to be fed here after all. */
  forgo(isForgone: (name: string) => boolean): void {
    const { log, onForgone } = this.#options;
    for (const [name, { slot }] of this.#awaited) {
      if (!isForgone(name)) continue;
      this.#awaited.delete(name);
      Promise.resolve(onForgone(slot)).catch((error: unknown) => {
        log.error({ err: error, slot: name }, 'feeds of a slot that does not come were not closed in order');
      });
    }
  }

  /** It is held by this node now. */
  gained(name: string): void {
    this.#awaited.delete(name);
  }

  /** Tells the table what it does not know yet. */
  async announce(rows: ReadonlyMap<string, SlotRow>): Promise<void> {
    const { table, node } = this.#options;
    for (const isReady of [false, true]) {
      const news = [...this.#awaited].flatMap(([name, awaited]) => {
        const row = rows.get(name);
        if (row === undefined || row.isFree || awaited.isReady !== isReady) return [];
        const { name: told, runId, isReady: wasReady } = row.successor ?? {};
        const isTold = told === node.name && runId === node.runId && wasReady === isReady;
        const { exchange, slot, replica, epoch } = row;
        return isTold ? [] : [{ exchange, slot, replica, epoch }];
      });
      if (news.length > 0) await table.announce(node, news, isReady);
    }
  }
}
