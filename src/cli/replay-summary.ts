/**
 * What a replay of a recording came to, in the field names of the recordings' `.expected.json` files: the synchronisers' counts, the
 * books as the symbol actors hold them, and the trades as the database holds them.
 */
import type { ExchangeAdapter } from '../exchanges/adapter.ts';
import type { BookSyncCounters } from '../exchanges/book-sync.ts';
import type { ScaledUnits } from '../market/exact-division.ts';
import { divideToText } from '../market/exact-division.ts';
import type { TradeSums } from '../persistence/trade-sums.ts';
import type { Levels, Sequence, TakerSide } from '../market/events.ts';
import type { InstrumentSnapshot } from '../market/instrument-state.ts';
import type { Scales } from '../market/units.ts';
import { formatUnits, raiseScale, readDecimal, toUnits } from '../market/units.ts';

const TOP_LEVELS = 20;

/**
 * Returns the `book` part of a symbol's summary. Where snapshots come in the stream, a delta that meets no book (after a gap, before the next
 * snapshot) is no update; where they are fetched it is one, held for the snapshot.
 */
export function summariseBook(
  sync: BookSyncCounters,
  state: InstrumentSnapshot,
  { exchange, snapshotPolicy }: Pick<ExchangeAdapter, 'exchange' | 'snapshotPolicy'>,
): Record<string, unknown> {
  const { counters, book } = state;
  return {
    snapshots: sync.snapshots,
    updates: snapshotPolicy === 'inStream' ? sync.applied : sync.updates,
    applied: sync.applied - counters.deltasIgnoredWhileStale,
    ignored_stale: sync.ignoredStale + counters.deltasIgnoredWhileStale,
    buffered: sync.buffered,
    // The results that Crypto.com's are compared with count its chain over all books: see `chain`.
    ...(exchange === 'cryptocom' ? {} : { sequence_checks_ok: sync.sequenceChecksOk }),
    checksums_ok: counters.checksumsOk,
    checksums_bad: counters.checksumsBad,
    crossed_after_update: counters.crossedAfterUpdate,
    deletes_of_unknown_level: counters.deletesOfUnknownLevel,
    gaps: sync.gaps.map((gap) => ({ t: gap.atMs, expected: toJson(gap.expected), got: toJson(gap.was) })),
    in_sync_at_end: state.bookStatus.status === 'live',
    final_sequence: toJson(sync.finalSequence),
    levels: { bids: book.bids.length / 2, asks: book.asks.length / 2 },
    final_top20: { bids: topLevels(book.bids, book.scales), asks: topLevels(book.asks, book.scales) },
  };
}

/** Returns the `trades` part of a symbol's summary: `live` as they happened, `all` with the history that the exchange sent. */
export function summariseTrades(
  sums: readonly TradeSums[],
  sideName: (takerSide: TakerSide) => string,
): Record<string, unknown> {
  const live = sums.filter((row) => !row.isHistory);
  return {
    ...(live.length > 0 ? { live: combine(live, sideName) } : {}),
    ...(sums.length > 0 ? { all: combine(sums, sideName) } : {}),
  };
}

function combine(
  sums: readonly TradeSums[],
  sideName: (takerSide: TakerSide) => string,
): Record<string, unknown> {
  const volume = ExactSum.of(sums.map((row) => row.volume));
  const quoteVolume = ExactSum.of(sums.map((row) => row.quoteVolume));
  const sides = [...new Set(sums.map((row) => row.takerSide))].sort();
  return {
    count: sums.reduce((count, row) => count + row.count, 0),
    volume: volume.toText(),
    quote_volume: quoteVolume.toText(),
    vwap: divideToText(quoteVolume.toScaledUnits(), volume.toScaledUnits(), 20),
    high: extreme(
      sums.map((row) => row.high),
      1n,
    ),
    low: extreme(
      sums.map((row) => row.low),
      -1n,
    ),
    by_side: Object.fromEntries(
      sides.map((side) => {
        const ofSide = sums.filter((row) => row.takerSide === side);
        const count = ofSide.reduce((total, row) => total + row.count, 0);
        return [sideName(side), { count, volume: ExactSum.of(ofSide.map((row) => row.volume)).toText() }];
      }),
    ),
  };
}

/** An exact decimal: value = `digits` × 10^−`decimals`. */
class ExactSum {
  readonly digits: bigint;
  readonly decimals: number;

  private constructor(digits: bigint, decimals: number) {
    this.digits = digits;
    this.decimals = decimals;
  }

  static of(texts: readonly string[]): ExactSum {
    const parts = texts.map(readStoredDecimal);
    const decimals = Math.max(0, ...parts.map((part) => part.decimals));
    const digits = parts.reduce(
      (sum, part) => sum + part.digits * 10n ** BigInt(decimals - part.decimals),
      0n,
    );
    return new ExactSum(digits, decimals);
  }

  toScaledUnits(): ScaledUnits {
    return { units: toUnits(this.digits), scale: this.decimals };
  }

  toText(): string {
    return formatUnits(toUnits(this.digits), this.decimals);
  }
}

function extreme(texts: readonly string[], direction: 1n | -1n): string {
  const parts = texts.map(readStoredDecimal);
  const decimals = Math.max(...parts.map((part) => part.decimals));
  const values = parts.map((part) => BigInt(raiseScale(toUnits(part.digits), part.decimals, decimals)));
  const best = values.reduce((a, b) => ((a - b) * direction > 0n ? a : b));
  return formatUnits(toUnits(best), decimals);
}

function readStoredDecimal(text: string): { digits: bigint; decimals: number } {
  const parts = readDecimal(text);
  if (parts === undefined) throw new Error(`The database holds '${text}' where a decimal number was wanted`);
  return parts;
}

function topLevels(levels: Levels, scales: Scales): [price: string, quantity: string][] {
  return Array.from({ length: Math.min(TOP_LEVELS, levels.length / 2) }, (_, index) => [
    formatUnits(levels[2 * index]!, scales.price),
    formatUnits(levels[2 * index + 1]!, scales.quantity),
  ]);
}

/** JSON has no integers beyond 2^53 that readers keep exact: those become text. */
function toJson(sequence: Sequence | undefined): number | string | null {
  if (sequence === undefined) return null;
  return typeof sequence === 'bigint' ? sequence.toString() : sequence;
}
