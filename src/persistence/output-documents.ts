/** What goes to Kafka, as text (docs/kafka-outputs.md), and the ids by which a repeat is known. Both follow from the row alone. */
import type { CandleRow, DeadLetter, SupervisionEvent, TradeRow } from '../actors/ports.ts';
import type { OutputRecord } from '../actors/outputs.ts';
import { splitInstrumentKey } from '../market/symbols.ts';

/** Grows when a field changes its meaning or goes; new fields don't count. */
const OUTPUT_VERSION = 1;

export function tradeOutput(row: TradeRow): OutputRecord {
  return {
    topic: 'trades',
    key: row.instrument,
    id: `${row.instrument}/${row.eventTimeMs}/${row.tradeId}`,
    value: textOf('trade', { ...namesOf(row.instrument), ...row, instrument: undefined }),
  };
}

export function candleOutput(row: CandleRow): OutputRecord {
  const { open = null, high = null, low = null, close = null } = row;
  return {
    topic: 'candles',
    key: row.instrument,
    id: `${row.instrument}/${row.interval}/${row.openTimeMs}/${row.revision}`,
    value: textOf('candle', {
      ...namesOf(row.instrument),
      ...row,
      open,
      high,
      low,
      close,
      isClosed: true,
      instrument: undefined,
    }),
  };
}

/** @param id given to the event when it was recorded */
export function supervisionOutput(event: SupervisionEvent, id: string): OutputRecord {
  const recoveredPosition = event.recoveredPosition ?? null;
  return {
    topic: 'supervision',
    key: event.path,
    id,
    value: textOf('supervision', { ...event, recoveredPosition }),
  };
}

/** @param id given to the letter when it was recorded; one with a place goes by that, which is the same when its log is read again */
export function deadLetterOutput({ place, ...letter }: DeadLetter, id: string): OutputRecord {
  const { exchange, symbol = null } = letter;
  return {
    topic: 'deadLetters',
    key: symbol === null ? exchange : `${exchange}:${symbol}`,
    id: place ?? id,
    value: textOf('deadLetter', { ...letter, symbol }),
  };
}

function textOf(type: string, fields: object): string {
  return JSON.stringify({ type, version: OUTPUT_VERSION, ...fields });
}

function namesOf(instrument: string): { exchange: string; symbol: string } {
  const [exchange, symbol] = splitInstrumentKey(instrument);
  return { exchange, symbol };
}
