/**
 * Takes an instrument back to a savepoint: ticker and unclosed candles as they were then, with every stored trade since. What closed meanwhile was told
 * and stays as it was told. One turn of its actor, and one write that decides: until the checkpoint of the new state is there a crash leaves everything
 * as it was.
 */
import { TampinesError, hasErrorCode } from '../base/errors.ts';
import type { CandleText } from '../market/candle-text.ts';
import type { Trade } from '../market/events.ts';
import type { InstrumentPolicy, InstrumentState } from '../market/instrument-state.ts';
import { RebuiltState } from '../market/rebuilt-state.ts';
import type { DecimalParts } from '../market/units.ts';
import { readDecimal, toUnits } from '../market/units.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { DerivedRows } from './derived-rows.ts';
import type { PersistentActorContext } from './kernel/actor-types.ts';
import type { PublishedStatus, SymbolPublications } from './symbol-publications.ts';
import type { DesiredInstrument, Journal, MarketTables, TradeRow } from './ports.ts';

const PAGE_TRADES = 5_000;

export type RestoreOutcome =
  | {
      readonly ok: true;
      readonly batchNumber: number;
      readonly position: number;
      readonly tradeCount: number;
    }
  | { readonly ok: false; readonly refusal: TampinesError };

export type RestoreOptions = {
  readonly instrument: DesiredInstrument;
  readonly policy: InstrumentPolicy;
  readonly journal: Journal;
  readonly tables: MarketTables;
  readonly rows: DerivedRows;
  readonly checkpoints: Checkpoints;
  readonly publications: SymbolPublications;
  readonly statusOf: (state: InstrumentState) => PublishedStatus;
};

type Context = Pick<PersistentActorContext<never, unknown, unknown>, 'batchNumber' | 'log' | 'fail'>;

/**
 * Answers, and returns the state to go on with.
 * @throws what the tables or the journal failed with: the state is as it was
 */
export async function restoreSavepoint(
  options: RestoreOptions,
  asked: { readonly batchNumber: number; readonly reply: (outcome: RestoreOutcome) => void },
  { state, context }: { readonly state: InstrumentState; readonly context: Context },
): Promise<InstrumentState> {
  try {
    const { next, tradeCount } = await rebuild(options, asked.batchNumber, { state, context });
    const { batchNumber } = context;
    asked.reply({ ok: true, batchNumber, position: next.position, tradeCount });
    return next;
  } catch (error) {
    if (!hasErrorCode(error, 'SAVEPOINT_UNKNOWN') && !hasErrorCode(error, 'SAVEPOINT_NEWEST')) throw error;
    asked.reply({ ok: false, refusal: error });
    return state;
  }
}

async function rebuild(
  options: RestoreOptions,
  savepointBatchNumber: number,
  { state, context }: { readonly state: InstrumentState; readonly context: Context },
): Promise<{ readonly next: InstrumentState; readonly tradeCount: number }> {
  const { rows, policy, checkpoints, publications, statusOf } = options;
  const { instrument } = options.instrument;
  const savepoint = await options.journal.readSavepoint(instrument, savepointBatchNumber);
  await requireFreeBatch(options, context.batchNumber);
  // What was traded until now must be in the table from which it is read.
  await rows.write();
  const closed: CandleText[] = [];
  const rebuilt = new RebuiltState(savepoint, state, {
    policy,
    outputs: {
      onCandleClosed: (candle) => {
        closed.push(rows.addCandle(candle));
      },
      onLateTrade: () => undefined,
      onCandlesSkipped: () => undefined,
    },
  });
  const tradeCount = await foldStoredTrades(options, rebuilt);
  const next = rebuilt.finish();
  await checkpoints.takeNow(next, context);
  for (const candle of closed) publications.candleReplayed(next, candle);
  publications.replayEnded(statusOf(next));
  publications.everythingChanged();
  return { next, tradeCount };
}

/** The new state is saved under the number of the last batch: a savepoint of that number would be overwritten. */
async function requireFreeBatch(
  { journal, instrument: { instrument } }: RestoreOptions,
  batchNumber: number,
): Promise<void> {
  const savepoints = await journal.listSavepoints(instrument);
  if (!savepoints.some((savepoint) => savepoint.batchNumber === batchNumber)) return;
  throw new TampinesError(
    'SAVEPOINT_NEWEST',
    `Cannot go back in ${instrument}: nothing has come since its savepoint of batch ${batchNumber}, whose place the state would take`,
    { fields: { instrument, batchNumber } },
  );
}

/** Returns how many were read; those that the savepoint has already are among them. */
async function foldStoredTrades(
  { tables, instrument: { instrument } }: RestoreOptions,
  rebuilt: RebuiltState,
): Promise<number> {
  let tradeCount = 0;
  let fromMs = rebuilt.tradesFromMs;
  let limit = PAGE_TRADES;
  for (;;) {
    const page = await tables.readTrades({ instrument, fromMs, toMs: Number.MAX_SAFE_INTEGER, limit });
    const isLast = page.length < limit;
    const lastMs = page.at(-1)?.eventTimeMs;
    // The rest of its last millisecond may be on the next page.
    const whole = isLast ? page : page.filter(({ eventTimeMs }) => eventTimeMs !== lastMs);
    for (const row of whole) rebuilt.add(toTrade(row));
    tradeCount += whole.length;
    if (isLast || lastMs === undefined) return tradeCount;
    limit = whole.length === 0 ? limit * 2 : PAGE_TRADES;
    fromMs = whole.length === 0 ? fromMs : lastMs;
  }
}

function toTrade(row: TradeRow): Trade {
  const { tradeId, eventTimeMs, receiveTimeMs, takerSide, isHistory } = row;
  const price = readStored(row.price, row);
  const quantity = readStored(row.quantity, row);
  return {
    type: 'Trade',
    scales: { price: price.decimals, quantity: quantity.decimals },
    price: toUnits(price.digits),
    quantity: toUnits(quantity.digits),
    ...{ takerSide, tradeId, isHistory, eventTimeMs, receiveTimeMs },
  };
}

function readStored(text: string, { instrument, tradeId }: TradeRow): DecimalParts {
  const parts = readDecimal(text);
  if (parts !== undefined) return parts;
  throw new TampinesError(
    'STATE_UNREADABLE',
    `Cannot read the stored trade ${tradeId} of ${instrument}: '${text}' is no decimal number`,
  );
}
