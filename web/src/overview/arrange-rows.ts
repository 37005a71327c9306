/** Which rows are shown, and in which order. */
import { judge } from '../parts/trust.ts';
import { compareDecimals } from '../text/decimal-text.ts';
import type { MarketRow } from './market-rows.ts';

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
  const compare = COMPARISONS[arrangement.sort];
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

/** What is unknown comes last, whichever way the others go. */
const byDecimal =
  (read: (row: MarketRow) => string | null): Comparison =>
  (a, b, direction) => {
    const left = read(a);
    const right = read(b);
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return direction * compareDecimals(left, right);
  };

const COMPARISONS: Readonly<Record<SortColumn, Comparison>> = {
  instrument: (a, b, direction) => direction * byName(a, b),
  last: byDecimal(({ last }) => last),
  change: byDecimal(({ changePercent }) => changePercent),
  spread: byDecimal(({ spreadPoints }) => spreadPoints),
  volume: byDecimal(({ volume }) => volume),
  status: (a, b, direction) => direction * (Number(isLive(a)) - Number(isLive(b))),
  // The newest event is the smallest lag.
  lag: (a, b, direction) => direction * ((b.receiveTimeMs ?? 0) - (a.receiveTimeMs ?? 0)),
  restarts: (a, b, direction) => direction * (a.restarts - b.restarts),
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
