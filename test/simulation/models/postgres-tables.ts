/** The rows that the Postgres model holds, by table. */

export type JournalRow = {
  readonly batchNumber: number;
  readonly epoch: number;
  readonly schemaId: string;
  readonly checksum: number;
  readonly entry: Uint8Array;
};

export type SnapshotRow = {
  readonly batchNumber: number;
  readonly position: number;
  readonly epoch: number;
  readonly schemaId: string;
  readonly sha256: Uint8Array;
  state: Uint8Array;
  readonly isSavepoint: boolean;
  readonly savedAtMs: number;
  /** Its bytes were spoilt behind the back of everybody. */
  isDamaged?: boolean;
};

export type TradeRow = {
  readonly instrumentId: number;
  readonly tradeId: string;
  readonly eventTimeMs: number;
  readonly receiveTimeMs: number;
  readonly price: string;
  readonly quantity: string;
  readonly takerSide: string;
  readonly isHistory: boolean;
};

export type CandleRow = {
  readonly instrumentId: number;
  readonly interval: string;
  readonly openTimeMs: number;
  readonly revision: number;
  readonly open: string | null;
  readonly high: string | null;
  readonly low: string | null;
  readonly close: string | null;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly takerBuyVolume: string;
  readonly tradeCount: number;
};

export type InstrumentRow = {
  readonly id: number;
  readonly key: string;
  nativeSymbol: string | null;
  settings: unknown;
  isDesired: boolean;
};

export type RecordRow = Readonly<Record<string, unknown>> & { readonly id: number };

export class PostgresTables {
  readonly shards = new Map<
    number,
    {
      readonly epoch: number;
      readonly owner: string;
      readonly claimedAtMs: number;
      readonly nextPosition: number;
    }
  >();
  readonly instruments = new Map<string, InstrumentRow>();
  /** By instrument, then batch number. */
  readonly journals = new Map<number, Map<number, JournalRow>>();
  /** By instrument, in order of batch numbers. */
  readonly snapshots = new Map<number, SnapshotRow[]>();
  /** Batches up to here were pruned, by instrument. */
  readonly prunedTo = new Map<number, number>();
  readonly trades = new Map<string, TradeRow>();
  readonly candles = new Map<string, CandleRow>();
  readonly records = new Map<string, RecordRow[]>();
  readonly letterCounts = new Map<string, { exchange: string; reason: string; count: number }>();

  journalOf(instrumentId: number): Map<number, JournalRow> {
    return getOrMake(this.journals, instrumentId, () => new Map<number, JournalRow>());
  }

  snapshotsOf(instrumentId: number): SnapshotRow[] {
    return getOrMake(this.snapshots, instrumentId, () => []);
  }

  recordsOf(table: string): RecordRow[] {
    return getOrMake(this.records, table, () => []);
  }

  keyOf(instrumentId: number): string {
    for (const { id, key } of this.instruments.values()) if (id === instrumentId) return key;
    throw new Error(`No instrument has the id ${instrumentId}`);
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
