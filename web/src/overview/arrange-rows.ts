/** Which rows are shown, and in which order. */
import { judge } from '../parts/trust.ts';
import { compareDecimals } from '../text/decimal-text.ts';
import type { MarketRow } from './market-rows.ts';
import { spreadPoints } from './market-rows.ts';

export type SortColumn =
  'instrument' | 'last' | 'change' | 'spread' | 'volume' | 'status' | 'lag' | 'restarts';

export type Arrangement = {
  /** Part of the name of an exchange or symbol, in any case; several words all have to be in it. */
  readonly contains: string;
  readonly exchange: string;
  readonly trust: '' | 'live' | 'not-live';
  readonly sort: SortColumn;
  readonly isDescending: boolean;
};

export function arrangeRows(rows: Iterable<MarketRow>, arrangement: Arrangement): MarketRow[] {
  const words = arrangement.contains.toLowerCase().split(/\s+/).filter(Boolean);
  const compare = COMPARISONS[arrangement.sort]();
  const direction = arrangement.isDescending ? -1 : 1;
  return [...rows]
    .filter(
      (row) =>
        (arrangement.exchange === '' || row.exchange === arrangement.exchange) &&
        (arrangement.trust === '' || isLive(row) === (arrangement.trust === 'live')) &&
        words.every((word) => row.key.toLowerCase().includes(word)),
    )
    .sort((a, b) => compare(a, b, direction) || byName(a, b));
}

export function isLive({ actorStatus, status, reason, doubt }: MarketRow): boolean {
  return judge({ lostReason: undefined, actorStatus, status, reason, doubt }).level === 'live';
}

type Comparison = (a: MarketRow, b: MarketRow, direction: number) => number;

const byName = (a: MarketRow, b: MarketRow): number =>
  compareText(a.symbol, b.symbol) || compareText(a.exchange, b.exchange);

/** What is unknown comes last, whichever way the others go. Each value is read once, not with each comparison. */
const byDecimal = (read: (row: MarketRow) => string | null) => (): Comparison => {
  const values = new Map<MarketRow, string | null>();
  const valueOf = (row: MarketRow): string | null => {
    const known = values.get(row);
    if (known !== undefined) return known;
    const value = read(row);
    values.set(row, value);
    return value;
  };
  return (a, b, direction) => {
    const left = valueOf(a);
    const right = valueOf(b);
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return direction * compareDecimals(left, right);
  };
};

const by = (compare: Comparison) => (): Comparison => compare;

const COMPARISONS: Readonly<Record<SortColumn, () => Comparison>> = {
  instrument: by((a, b, direction) => direction * byName(a, b)),
  last: byDecimal(({ last }) => last),
  change: byDecimal(({ changePercent }) => changePercent),
  spread: byDecimal(spreadPoints),
  volume: byDecimal(({ volume }) => volume),
  status: by((a, b, direction) => direction * (Number(isLive(a)) - Number(isLive(b)))),
  // The newest event is the smallest lag.
  lag: by((a, b, direction) => direction * ((b.receiveTimeMs ?? 0) - (a.receiveTimeMs ?? 0))),
  restarts: by((a, b, direction) => direction * (a.restarts - b.restarts)),
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
