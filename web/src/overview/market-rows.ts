/** The rows of the overview: what the REST said of all instruments, and what the stream says of those in sight, whichever is newer. */
import type { Ticker } from 'tampines/client';
import type { BookStatus, InstrumentsAnswer } from '../node/rest-documents.ts';
import { basisPoints } from '../text/decimal-text.ts';

export type MarketRow = {
  /** `<exchange>:<symbol>`. */
  readonly key: string;
  readonly instrumentId: number;
  readonly exchange: string;
  readonly symbol: string;
  readonly actorStatus: string;
  readonly lastFailure: string | null;
  readonly restarts: number;
  readonly last: string | null;
  readonly changePercent: string | null;
  readonly volume: string | null;
  readonly bid: string | null;
  readonly ask: string | null;
  readonly spread: string | null;
  /** `undefined` while nobody could say. */
  readonly status: BookStatus | undefined;
  readonly reason: string;
  /** Of the stream: what is held may be wrong. */
  readonly doubt: string | undefined;
  /** Events that its actor had seen. */
  readonly position: number;
  /** When the newest event was received, by the clock of the node. */
  readonly receiveTimeMs: number | null;
};

type Listed = InstrumentsAnswer['instruments'][number];

/** Returns the rows of an answer, each with what was known of it before where that is newer. */
export function rowsOf(
  { instruments, timeMs }: Pick<InstrumentsAnswer, 'instruments' | 'timeMs'>,
  before: ReadonlyMap<string, MarketRow>,
): Map<string, MarketRow> {
  return new Map(
    instruments.map((listed) => {
      const key = `${listed.exchange}:${listed.symbol}`;
      return [key, mergeListed(key, listed, timeMs, before.get(key))];
    }),
  );
}

function mergeListed(key: string, listed: Listed, timeMs: number, before: MarketRow | undefined): MarketRow {
  const { instrumentId, exchange, symbol, actorStatus, restarts, lastFailure, whyParked, market } = listed;
  const head = { key, instrumentId, exchange, symbol, actorStatus, restarts, lastFailure };
  if (market === null) {
    const held = before ?? { ...NOTHING, ...head };
    return {
      ...held,
      ...head,
      status: held.status === 'live' ? 'stale' : held.status,
      reason: whyParked ?? 'its actor can’t be asked',
    };
  }
  const { bid, ask, spread } = market;
  const row = { ...head, bid, ask, spread, doubt: before?.doubt };
  if (before !== undefined && before.position > market.position) {
    // The book in the list is older, and so is what the list says of it.
    const { last, changePercent, volume, receiveTimeMs, status, reason, position } = before;
    return { ...row, last, changePercent, volume, receiveTimeMs, status, reason, position };
  }
  const { last, changePercent, volume, status, reason, position, lagMs } = market;
  const receiveTimeMs = lagMs === null ? null : timeMs - lagMs;
  return { ...row, last, changePercent, volume, receiveTimeMs, status, reason, position };
}

const NOTHING = {
  last: null,
  changePercent: null,
  volume: null,
  bid: null,
  ask: null,
  spread: null,
  status: undefined,
  reason: '',
  doubt: undefined,
  position: -1,
  receiveTimeMs: null,
};

/** Returns the row with a ticker of the stream in it; the row as it is where the ticker is older. */
export function withTicker(row: MarketRow, ticker: Ticker): MarketRow {
  if (ticker.seq < row.position) return row.doubt === undefined ? row : { ...row, doubt: undefined };
  const { last, changePercent, volume, status, reason, receiveTimeMs, seq } = ticker;
  return {
    ...row,
    last,
    changePercent,
    volume,
    status,
    reason,
    receiveTimeMs,
    position: seq,
    doubt: undefined,
  };
}

/** Returns the spread in hundredths of a percent of the bid. It is worked out for those who want to see it: of a thousand rows that takes a whole frame. */
export function spreadPoints({ spread, bid }: Pick<MarketRow, 'spread' | 'bid'>): string | null {
  return spread === null || bid === null ? null : (basisPoints(spread, bid) ?? null);
}
