/** A shard actor alone: what it reads, which symbol actors it is given and what they answer, all in the hands of a test. */
import type { LogRecord } from '../../../src/actors/event-log.ts';
import type { RunningSymbol } from '../../../src/actors/running-instrument.ts';
import type { ActorRef } from '../../../src/actors/kernel/actor-types.ts';
import type { DesiredInstrument, ShardClaim } from '../../../src/actors/ports.ts';
import { shardActor } from '../../../src/actors/shards/shard.ts';
import type { ShardHost, ShardMessage, ShardOptions } from '../../../src/actors/shards/shard-options.ts';
import type { SymbolMessage } from '../../../src/actors/symbol-protocol.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import {
  toExchangeId,
  toInstrumentKey,
  toNativeSymbol,
  toUnifiedSymbol,
} from '../../../src/market/symbols.ts';
import { MemoryOperationsRecords } from '../../../src/persistence/memory-operations-records.ts';
import { restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { settle } from '../../support/fake-clock.ts';
import { timesAt, trade } from '../../support/market-events.ts';
import { createTestSystem } from '../kernel/support.ts';
import type { TestSystem } from '../kernel/support.ts';

export function wantedInstrument(name: string): DesiredInstrument {
  const symbol = toUnifiedSymbol(`${name}-USD`);
  const exchange = toExchangeId('plain');
  return {
    instrument: toInstrumentKey(exchange, symbol),
    instrumentId: 1,
    exchange,
    symbol,
    nativeSymbol: toNativeSymbol(`${name}USD`),
  };
}

export function recordOf({ instrument }: DesiredInstrument, offset: number, atMs: number): LogRecord {
  const event = trade({ ...timesAt(atMs), tradeId: String(offset) });
  return {
    type: 'batch',
    offset,
    instrument,
    batch: { source: `${instrument}/1`, firstOrdinal: offset + 1, events: [event] },
  };
}

/** Stands for a symbol actor: keeps what it is told, and has taken every delivery at once while `takes` says so. */
export class ScriptedSymbol {
  readonly told: SymbolMessage[] = [];
  takes = true;
  life = 0;
  place = 0;
  begin: (place: number, fellBack?: boolean) => void = () => undefined;

  get places(): string[] {
    return this.told.flatMap((message) =>
      message.type === 'Deliver' && message.logged !== undefined
        ? [`${message.logged.after}-${message.logged.to}`]
        : [],
    );
  }

  count(type: SymbolMessage['type']): number {
    return this.told.filter((message) => message.type === type).length;
  }
}

export class ShardWorld {
  readonly test: TestSystem = createTestSystem();
  readonly symbols = new Map<InstrumentKey, ScriptedSymbol>();
  /** From where the log was asked to be read, in order. */
  readonly readFrom: number[] = [];
  readonly claims: ShardClaim[] = [];
  readonly saved: number[] = [];
  /** Until then a symbol actor that is to end is still there. */
  mayEnd: Promise<void> = Promise.resolve();
  /** Batches whose records were taken, so that more may come. */
  takenCount = 0;
  readonly ref: ActorRef<ShardMessage>;

  readonly #firstPlaces: ReadonlyMap<InstrumentKey, { place: number; fellBack: boolean }>;

  /** @param firstPlaces where symbol actors stand in their first lives; 0 by itself */
  constructor(
    instruments: readonly DesiredInstrument[],
    overrides: Partial<ShardOptions> = {},
    firstPlaces: ReadonlyMap<InstrumentKey, { place: number; fellBack: boolean }> = new Map(),
  ) {
    this.#firstPlaces = firstPlaces;
    const { system } = this.test;
    this.ref = system.spawn(
      system.root,
      shardActor({
        shard: 0,
        host: this.#host(),
        records: new MemoryOperationsRecords(),
        checkpointEveryMs: 60_000,
        silentAfterMs: 3_000,
        begin: () => {
          const claim = { shard: 0, epoch: this.claims.length + 1 };
          this.claims.push(claim);
          return Promise.resolve({ claim, nextOffset: 0, endOffset: 0, instruments });
        },
        read: (offset) => {
          this.readFrom.push(offset);
          return true;
        },
        readWanted: () => Promise.resolve(instruments),
        savePosition: (_claim, nextOffset) => {
          this.saved.push(nextOffset);
          return Promise.resolve();
        },
        isStillOwn: () => Promise.resolve(true),
        onResyncWanted: () => undefined,
        onBegun: () => undefined,
        onFenced: () => undefined,
        ...overrides,
      }),
    );
  }

  symbol({ instrument }: DesiredInstrument): ScriptedSymbol {
    return this.symbols.get(instrument)!;
  }

  async records(records: readonly LogRecord[]): Promise<void> {
    this.test.system.send(this.ref, { type: 'Records', records, taken: () => this.takenCount++ });
    await settle();
  }

  /** The life before is over, and a new one stands at this place. */
  async beginAgain({ instrument }: DesiredInstrument, place: number, fellBack = false): Promise<void> {
    const failure = { cause: 'test', batch: undefined, isTransient: true };
    this.test.system.send(this.ref, { type: 'SymbolRecovered', instrument, ...failure });
    this.symbols.get(instrument)!.begin(place, fellBack);
    await settle();
  }

  #host(): ShardHost {
    const { system } = this.test;
    return {
      run: ({ instrument }, { ref: shard, onBegun }) => {
        const symbol = new ScriptedSymbol();
        this.symbols.set(instrument, symbol);
        symbol.begin = (place, fellBack = false) => {
          symbol.place = place;
          onBegun(place, ++symbol.life, fellBack);
        };
        const ref = system.spawn<SymbolMessage, ScriptedSymbol>(shard, {
          name: instrument,
          strategy: restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0 }),
          initialState: () => symbol,
          receive: (state, message) => {
            symbol.told.push(message);
            if (message.type !== 'Deliver' || !symbol.takes) return state;
            const { batch, logged } = message;
            if (logged?.life !== symbol.life || logged.after !== symbol.place) return state;
            symbol.place = logged.to;
            system.send(shard, {
              type: 'BatchAccepted',
              instrument,
              source: batch.source,
              lastOrdinal: batch.firstOrdinal + batch.events.length - 1,
              batchNumber: symbol.place,
              timeWanted: { atMs: 0, emptyAtMs: 0 },
            });
            return state;
          },
        });
        const { place, fellBack } = this.#firstPlaces.get(instrument) ?? { place: 0, fellBack: false };
        symbol.begin(place, fellBack);
        return { ref } as unknown as RunningSymbol;
      },
      end: async (_key, { ref }) => {
        await this.mayEnd;
        await system.stop(ref);
      },
      endAll: () => Promise.resolve(),
    };
  }
}
