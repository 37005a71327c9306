/** Brings a database to what it holds at the moment a node is killed: snapshots of a minute ago at most, and the journal after them. */
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import type { Trade } from '../../src/market/events.ts';
import type { InstrumentPolicy } from '../../src/market/instrument-state.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import type { InstrumentKind, PreparedInstrument } from './day-of-trades.ts';
import { prepareInstrument } from './day-of-trades.ts';
import { symbolNames } from './symbol-names.ts';

export const EXCHANGE = toExchangeId('bybit-spot');

const CHECKPOINT_EVERY_MS = 60_000;
/** Instruments of one kind differ in how long ago their checkpoint was; of each kind this many are made, the others are equal to one of them. */
const VARIANTS_MAX = 12;

export type PreparedFigures = {
  readonly instruments: number;
  readonly snapshotBytes: number;
  readonly tailBatches: number;
  readonly epoch: number;
  /** By native symbol, newest first. */
  readonly recentTrades: ReadonlyMap<string, readonly Trade[]>;
};

export async function wantInstruments(storage: Storage, count: number): Promise<void> {
  const { schema } = storage.database;
  await storage.database.query({ text: `UPDATE ${schema}.instrument SET is_desired = false` });
  for (let index = 0; index < count; index++) {
    const { native, unified } = symbolNames(index);
    await storage.catalog.add({
      instrument: keyOf(index),
      exchange: EXCHANGE,
      symbol: toUnifiedSymbol(unified),
      nativeSymbol: toNativeSymbol(native),
    });
  }
}

/** Replaces journal and state snapshots by those of instruments of these kinds, in turn; their logs end at `endMs`. */
export async function prepareDatabase(
  storage: Storage,
  options: { kinds: readonly InstrumentKind[]; endMs: number; policy: InstrumentPolicy },
): Promise<PreparedFigures> {
  const { database, journal } = storage;
  const { schema } = database;
  await database.query({ text: `TRUNCATE ${schema}.journal, ${schema}.state_snapshot` });
  const claim = await journal.claim(0, 'prepare');
  let index = 0;
  let tailBatches = 0;
  const recentTrades = new Map<string, readonly Trade[]>();
  for (const [kindIndex, kind] of options.kinds.entries()) {
    const variants = makeVariants(kind, kindIndex, options.endMs, options.policy);
    for (let ofKind = 0; ofKind < kind.count; ofKind++) {
      const { snapshot, snapshotBatchNumber, tail, ...prepared } = variants[ofKind % variants.length]!;
      recentTrades.set(symbolNames(index).native, prepared.recentTrades);
      const instrument = keyOf(index++);
      await journal.saveSnapshot(claim, {
        instrument,
        batchNumber: snapshotBatchNumber,
        position: snapshot.position,
        state: snapshot,
      });
      await Promise.all(
        tail.map((entry, at) => journal.append(claim, instrument, snapshotBatchNumber + 1 + at, entry)),
      );
      tailBatches += tail.length;
    }
  }
  const { rows } = await database.query<{ bytes: number }>({
    text: `SELECT sum(length(state))::bigint AS bytes FROM ${schema}.state_snapshot`,
  });
  return { instruments: index, snapshotBytes: rows[0]!.bytes, tailBatches, epoch: claim.epoch, recentTrades };
}

function makeVariants(
  kind: InstrumentKind,
  kindIndex: number,
  endMs: number,
  policy: InstrumentPolicy,
): PreparedInstrument[] {
  const count = Math.min(VARIANTS_MAX, kind.count);
  return Array.from({ length: count }, (_, index) =>
    prepareInstrument({
      kind,
      seed: 1_000 * kindIndex + index,
      endMs,
      tailMs: Math.floor(((index + 0.5) / count) * CHECKPOINT_EVERY_MS),
      policy,
    }),
  );
}

function keyOf(index: number): InstrumentKey {
  return toInstrumentKey(EXCHANGE, toUnifiedSymbol(symbolNames(index).unified));
}
