/** Compares rows that were published with rows that we computed, field by field and by value: `1482.0` equals `1482`. */
import { readDecimal } from '../market/units.ts';

/** A computed candle or ticker; decimals are text. */
export type Row = Readonly<Record<string, string | number | boolean>>;

export type PublishedRow = {
  /** What it is one of: an interval, or `ticker_24h`. */
  readonly of: string;
  readonly atMs: number;
  readonly published: Readonly<Record<string, unknown>>;
  readonly computed: Row | undefined;
};

export type Agreement = {
  /** Rows that were published. */
  readonly checked: number;
  /** Rows that agree in every field that was published and that we have a meaning for. */
  readonly equal: number;
  /** The first fields that differ; `computed` is absent where we have no such row or field. */
  readonly different: readonly {
    readonly of: string;
    readonly at_ms: number;
    readonly field: string;
    readonly published: unknown;
    readonly computed?: string | number | boolean;
  }[];
};

const MAX_DIFFERENCES_LISTED = 100;

/** Returns how far the rows agree in `fields`; a field that was not published is not compared. */
export function compareRows(rows: readonly PublishedRow[], fields: readonly string[]): Agreement {
  const different: Agreement['different'][number][] = [];
  let equalCount = 0;
  for (const { of, atMs, published, computed } of rows) {
    const differing = fields.filter(
      (field) => published[field] !== undefined && !isSameValue(published[field], computed?.[field]),
    );
    if (computed === undefined && differing.length === 0) differing.push('row');
    if (differing.length === 0) equalCount++;
    for (const field of differing) {
      if (different.length === MAX_DIFFERENCES_LISTED) break;
      const value = computed?.[field];
      different.push({
        of,
        at_ms: atMs,
        field,
        published: published[field],
        ...(value === undefined ? {} : { computed: value }),
      });
    }
  }
  return { checked: rows.length, equal: equalCount, different };
}

function isSameValue(published: unknown, computed: string | number | boolean | undefined): boolean {
  if (published === computed) return true;
  // A row that isn't empty has no such field.
  if (published === false && computed === undefined) return true;
  if (typeof published !== 'string' && typeof published !== 'number') return false;
  if (typeof computed !== 'string' && typeof computed !== 'number') return false;
  const a = readDecimal(String(published));
  const b = readDecimal(String(computed));
  if (a === undefined || b === undefined) return false;
  return a.digits * 10n ** BigInt(b.decimals) === b.digits * 10n ** BigInt(a.decimals);
}
