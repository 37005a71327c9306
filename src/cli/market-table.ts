/** The markets of a node as rows of text, for people who look at a terminal. */
import type { Instruments } from '../actors/instruments.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { formatCandle } from '../market/candle-text.ts';
import { formatTicker } from '../market/ticker.ts';
import type { Units } from '../market/units.ts';
import { formatUnits } from '../market/units.ts';
import type { Column } from './text-table.ts';
import { formatTable } from './text-table.ts';

export type MarketRow = {
  readonly instrument: string;
  readonly status: string;
  readonly bid: string;
  readonly ask: string;
  readonly last: string;
  readonly changePercent: string;
  readonly volume: string;
  readonly trades: string;
  /** Open, high, low and close of the open minute. */
  readonly minute: string;
};

/** Fixed widths, so that the table stands still while its numbers change. */
const COLUMNS: readonly Column<MarketRow>[] = [
  { title: 'INSTRUMENT', text: (row) => row.instrument, width: 22 },
  { title: 'BOOK', text: (row) => row.status, width: 6 },
  { title: 'BID', text: (row) => row.bid, width: 11, isRight: true },
  { title: 'ASK', text: (row) => row.ask, width: 11, isRight: true },
  { title: 'LAST', text: (row) => row.last, width: 11, isRight: true },
  { title: '24H %', text: (row) => row.changePercent, width: 8, isRight: true },
  { title: '24H VOLUME', text: (row) => row.volume, width: 14, isRight: true },
  { title: 'TRADES', text: (row) => row.trades, width: 8, isRight: true },
  { title: 'MINUTE O/H/L/C', text: (row) => row.minute, width: 44 },
];

/** Returns a row per running instrument; one whose actor does not answer now says so. */
export function readMarketRows(instruments: Instruments): Promise<MarketRow[]> {
  return Promise.all(
    instruments.list().map(async ({ instrument, actorStatus }) => {
      try {
        return await readRow(instruments, instrument.instrument);
      } catch {
        return { ...EMPTY_ROW, instrument: instrument.instrument, status: actorStatus };
      }
    }),
  );
}

const EMPTY_ROW: MarketRow = {
  instrument: '',
  status: '',
  bid: '',
  ask: '',
  last: '',
  changePercent: '',
  volume: '',
  trades: '',
  minute: '',
};

function readRow(instruments: Instruments, key: InstrumentKey): Promise<MarketRow> {
  return instruments.view(key, ({ state, status }) => {
    const { book } = state;
    const price = (units: Units | undefined): string =>
      units === undefined ? '-' : formatUnits(units, book.scales.price);
    const ticker = state.ticker.read();
    const text = ticker === undefined ? undefined : formatTicker(ticker);
    const open = state.candles.readOpen('1m');
    const minute = open === undefined ? undefined : formatCandle(open, { isClosed: false });
    return {
      instrument: key,
      status,
      bid: price(book.bestBid),
      ask: price(book.bestAsk),
      last: text?.last ?? '-',
      changePercent: shortChange(text?.changePercent ?? '-'),
      volume: text?.volume ?? '-',
      trades: String(text?.tradeCount ?? 0),
      minute:
        minute === undefined
          ? '-'
          : [minute.open, minute.high, minute.low, minute.close].map((value) => value ?? '-').join(' '),
    };
  });
}

/** Returns the first digits; what is less than they can say is 0, not -0.0000. A dash stays one. */
export function shortChange(changePercent: string): string {
  const short = changePercent.slice(0, 7);
  return /[1-9]|^-$/.test(short) ? short : '0';
}

/** Returns the rows as lines, the header first. */
export function formatMarketTable(rows: readonly MarketRow[]): string[] {
  return formatTable(COLUMNS, rows);
}
