/** The markets of a node as rows of text, for people who look at a terminal. */
import type { Instruments } from '../actors/instruments.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { formatCandle } from '../market/candle-text.ts';
import { formatTicker } from '../market/ticker.ts';
import type { Units } from '../market/units.ts';
import { formatUnits } from '../market/units.ts';

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

const COLUMNS: readonly {
  readonly key: keyof MarketRow;
  readonly title: string;
  readonly width: number;
  readonly isRight: boolean;
}[] = [
  { key: 'instrument', title: 'INSTRUMENT', width: 22, isRight: false },
  { key: 'status', title: 'BOOK', width: 6, isRight: false },
  { key: 'bid', title: 'BID', width: 11, isRight: true },
  { key: 'ask', title: 'ASK', width: 11, isRight: true },
  { key: 'last', title: 'LAST', width: 11, isRight: true },
  { key: 'changePercent', title: '24H %', width: 8, isRight: true },
  { key: 'volume', title: '24H VOLUME', width: 14, isRight: true },
  { key: 'trades', title: 'TRADES', width: 8, isRight: true },
  { key: 'minute', title: 'MINUTE O/H/L/C', width: 44, isRight: false },
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
      changePercent: text?.changePercent?.slice(0, 7) ?? '-',
      volume: text?.volume ?? '-',
      trades: String(text?.tradeCount ?? 0),
      minute:
        minute === undefined
          ? '-'
          : [minute.open, minute.high, minute.low, minute.close].map((value) => value ?? '-').join(' '),
    };
  });
}

/** Returns the rows as lines, the header first. */
export function formatMarketTable(rows: readonly MarketRow[]): string[] {
  const header = COLUMNS.map(({ title, width, isRight }) => fit(title, width, isRight)).join(' ');
  return [
    header,
    ...rows.map((row) => COLUMNS.map(({ key, width, isRight }) => fit(row[key], width, isRight)).join(' ')),
  ];
}

function fit(text: string, width: number, isRight: boolean): string {
  const cut = text.length > width ? `${text.slice(0, width - 1)}…` : text;
  return isRight ? cut.padStart(width) : cut.padEnd(width);
}
