/** States of instruments in memory, as `PostgresLogResets` keeps them; a state is a number of records of its instrument. */
import { TampinesError } from '../../src/base/errors.ts';
import type {
  ClosedCandleLists,
  InstrumentReset,
  LogResetStore,
  MovableLog,
  ResetPoint,
  ResetTarget,
} from '../../src/cluster/ports.ts';
import { createInstrumentState, snapshotInstrument } from '../../src/market/instrument-state.ts';
import { shardOf } from '../../src/market/shards.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { TEST_POLICY } from '../support/instrument-runs.ts';

export type ModelState = { readonly place: number; readonly recordCount: number; readonly savedAtMs: number };

export class ModelResetStore implements LogResetStore, ClosedCandleLists {
  log: MovableLog;
  /** Oldest first. */
  states = new Map<InstrumentKey, readonly ModelState[]>();
  running: readonly string[] = [];
  /** Called as the last thing of the transaction, and before it. */
  onConfirm: () => void = () => undefined;
  onFound: () => void = () => undefined;

  constructor(log: Pick<MovableLog, 'partitions' | 'shards'>) {
    this.log = { generation: 0, firstPlace: 0, newestStatePlace: 0, statesDigest: '', ...log };
  }

  read(): Promise<MovableLog> {
    return Promise.resolve({ ...this.log, statesDigest: JSON.stringify([...this.states]) });
  }

  findRunning(): Promise<string[]> {
    return Promise.resolve([...this.running]);
  }

  listInstruments(): Promise<InstrumentKey[]> {
    return Promise.resolve([...this.states.keys()].sort());
  }

  findPoint(instrument: InstrumentKey, target: ResetTarget): Promise<ResetPoint> {
    this.onFound();
    const states = this.states.get(instrument) ?? [];
    const found = states.findLast(({ place, savedAtMs }) =>
      target.kind === 'time' ? savedAtMs <= target.timeMs : place === target.batchNumber,
    );
    if (found === undefined && target.kind === 'savepoint') {
      return Promise.reject(new TampinesError('SAVEPOINT_UNKNOWN', 'unknown'));
    }
    return Promise.resolve({
      instrument,
      state: found && {
        ...snapshotInstrument(createInstrumentState(TEST_POLICY)),
        position: found.recordCount,
      },
      place: found?.place ?? 0,
      savedAtMs: found?.savedAtMs,
      isNewest: found !== undefined && found === states.at(-1),
    });
  }

  async reset(
    from: MovableLog,
    resets: readonly InstrumentReset[],
    confirm: (running: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const isAsRead = JSON.stringify(await this.read()) === JSON.stringify(from);
    await confirm(isAsRead ? this.running : [...this.running, 'states were saved']);
    const epoch = Math.max(0, ...from.shards.map((shard) => shard.epoch)) + 1;
    const shards = from.shards.map(({ shard, nextPlace }) => {
      const places = resets
        .filter(({ instrument }) => shardOf(instrument, from.partitions) === shard)
        .map(({ place }) => Math.max(place, from.firstPlace));
      return { shard, epoch, nextPlace: Math.min(nextPlace, ...places) };
    });
    this.log = { ...this.log, shards };
    for (const { instrument, place, hasState } of resets) {
      const states = this.states.get(instrument) ?? [];
      this.states.set(
        instrument,
        states.filter((state) => hasState && state.place <= place),
      );
    }
  }

  dropAfter(): Promise<void> {
    this.onConfirm();
    return Promise.resolve();
  }
}
