/** Which instruments a request means, in which order, and what their markets look like. */
import type { Instruments } from '../actors/instruments.ts';
import type { InstrumentStatus } from '../actors/running-instrument.ts';
import type { SymbolView } from '../actors/symbol-protocol.ts';
import { hasErrorCode } from '../base/errors.ts';
import { formatTicker } from '../market/ticker.ts';
import { formatUnits, subtractUnits } from '../market/units.ts';
import type { MarketSummary } from './operations-schemas.ts';
import type { INSTRUMENT_ORDERS } from './request-schemas.ts';

export type InstrumentOrder = (typeof INSTRUMENT_ORDERS)[number];

export type InstrumentFilter = {
  readonly exchange?: string | undefined;
  readonly status?: string | undefined;
  readonly contains?: string | undefined;
};

/** Actors that are asked at once. */
const ASKED_AT_ONCE = 500;

export function filterInstruments(
  list: readonly InstrumentStatus[],
  { exchange, status, contains = '' }: InstrumentFilter,
): InstrumentStatus[] {
  const wanted = contains.toUpperCase();
  return list.filter(
    ({ instrument, actorStatus }) =>
      (exchange === undefined || instrument.exchange === exchange) &&
      (status === undefined || actorStatus === status) &&
      (instrument.symbol.toUpperCase().includes(wanted) ||
        instrument.nativeSymbol.toUpperCase().includes(wanted)),
  );
}

/** Returns the list in the order asked for; where two are equal, by name. */
export function sortInstruments(
  list: readonly InstrumentStatus[],
  order: InstrumentOrder | undefined,
): InstrumentStatus[] {
  return inOrder(list, order, ({ instrument, actorStatus, restarts }) => {
    return { instrument: instrument.instrument, status: actorStatus, restarts };
  });
}

type OrderKeys = { readonly instrument: string; readonly status: string; readonly restarts: number };

/** As `sortInstruments`, of whatever is known of instruments. */
export function inOrder<Entry>(
  list: readonly Entry[],
  order: InstrumentOrder | undefined,
  keysOf: (entry: Entry) => OrderKeys,
): Entry[] {
  if (order === undefined) return [...list];
  const isDescending = order.startsWith('-');
  const compare = COMPARISONS[(isDescending ? order.slice(1) : order) as keyof typeof COMPARISONS];
  return list
    .map((entry) => ({ entry, keys: keysOf(entry) }))
    .sort(({ keys: a }, { keys: b }) => (isDescending ? compare(b, a) : compare(a, b)) || byName(a, b))
    .map(({ entry }) => entry);
}

const byName = (a: OrderKeys, b: OrderKeys): number => compareText(a.instrument, b.instrument);

const COMPARISONS = {
  instrument: byName,
  status: (a: OrderKeys, b: OrderKeys) => compareText(a.status, b.status),
  restarts: (a: OrderKeys, b: OrderKeys) => a.restarts - b.restarts,
};

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Returns the market of each, in the same order; `null` for those whose actor can't answer. */
export async function readMarkets(
  instruments: Instruments,
  list: readonly InstrumentStatus[],
  nowMs: number,
): Promise<(MarketSummary | null)[]> {
  const markets: (MarketSummary | null)[] = [];
  for (let start = 0; start < list.length; start += ASKED_AT_ONCE) {
    const page = list.slice(start, start + ASKED_AT_ONCE);
    markets.push(...(await Promise.all(page.map((status) => readMarket(instruments, status, nowMs)))));
  }
  return markets;
}

async function readMarket(
  instruments: Instruments,
  { instrument }: InstrumentStatus,
  nowMs: number,
): Promise<MarketSummary | null> {
  try {
    return await instruments.view(instrument.instrument, (view) => summarize(view, nowMs));
  } catch (error) {
    if (isUnanswered(error)) return null;
    throw error;
  }
}

/** Whether an actor was there to be asked and said nothing, or went meanwhile: the others are shown all the same. */
export function isUnanswered(error: unknown): boolean {
  return (
    hasErrorCode(error, 'ACTOR_UNAVAILABLE') ||
    hasErrorCode(error, 'ASK_TIMEOUT') ||
    hasErrorCode(error, 'INSTRUMENT_UNKNOWN')
  );
}

function summarize({ state, status, reason, lastTimes }: SymbolView, nowMs: number): MarketSummary {
  const { bestBid, bestAsk, scales } = state.book;
  const window = state.ticker.read();
  const ticker = window && formatTicker(window);
  return {
    status,
    reason,
    bid: bestBid === undefined ? null : formatUnits(bestBid, scales.price),
    ask: bestAsk === undefined ? null : formatUnits(bestAsk, scales.price),
    spread:
      bestBid === undefined || bestAsk === undefined
        ? null
        : formatUnits(subtractUnits(bestAsk, bestBid), scales.price),
    last: ticker?.last ?? null,
    changePercent: ticker?.changePercent ?? null,
    volume: ticker?.volume ?? null,
    position: state.position,
    eventTimeMs: lastTimes?.eventTimeMs ?? null,
    lagMs: lastTimes === undefined ? null : nowMs - lastTimes.receiveTimeMs,
  };
}
