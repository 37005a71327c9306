/** What each station costs on the way of an event, one at a time, on the seeded Binance feed: the budget that end-to-end figures add up from. */
import { decodeLogEntry, encodeLogEntry, LOG_ENTRY_SCHEMA_ID } from '../src/codec/log-entry-codec.ts';
import { encodeState } from '../src/codec/state-codec.ts';
import type { Publication, Publisher } from '../src/actors/ports.ts';
import { SymbolPublications } from '../src/actors/symbol-publications.ts';
import { sourceUnderLease } from '../src/market/book-sources.ts';
import { decide } from '../src/market/decide.ts';
import type { EventBatch, LogEntry } from '../src/market/events.ts';
import type { EvolveOutputs } from '../src/market/evolve.ts';
import { evolve } from '../src/market/evolve.ts';
import { groupLevels } from '../src/market/grouping.ts';
import type { InstrumentPolicy, InstrumentState } from '../src/market/instrument-state.ts';
import { createInstrumentState, snapshotInstrument } from '../src/market/instrument-state.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../src/market/symbols.ts';
import { redisDocuments } from '../src/publishing/redis-documents.ts';
import { loadSettings } from '../src/settings.ts';
import type { FeedScript } from './feeds/feed-script.ts';
import { writeScript } from './feeds/feed-script.ts';
import { playScript } from './feeds/play-script.ts';
import { createWire } from './feeds/wires.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';

const SEED = 11;
const FRAME_COUNT = 5_000;

const { settings } = loadSettings({});
const { bookResolutions, bookDepth } = settings.publish;

export const stages: BenchmarkGroup = {
  name: 'stages',
  title: 'Stages, one at a time: seeded Binance spot, Kraken for the checksum',
  open() {
    const script = writeScript(createWire('binance'), { seed: SEED, frameCount: FRAME_COUNT });
    const batches: EventBatch[] = [];
    const entries: LogEntry[] = [];
    const played = playScript(script, {
      onBatch: (batch) => batches.push(batch),
      onEntry: (entry) => entries.push(entry),
    });
    const { state, policy } = played.symbols[0]!;
    const kraken = playScript(writeScript(createWire('kraken'), { seed: SEED, frameCount: FRAME_COUNT }))
      .symbols[0]!;
    const { eventCount } = played;
    const benchmarks: Benchmark[] = [
      decoding(script),
      {
        name: 'decide',
        unit: 'events',
        operationCount: eventCount,
        run: () => {
          const empty = createInstrumentState(policy);
          let count = 0;
          for (const batch of batches) count += decide(empty, batch, policy).entry?.events.length ?? 0;
          return count;
        },
      },
      {
        name: 'evolve',
        unit: 'events',
        operationCount: eventCount,
        run: () => {
          const folded = createInstrumentState(policy);
          const outputs = new CountedOutputs();
          for (const entry of entries) evolve(folded, entry, policy, outputs);
          return folded.position + folded.book.bidCount + outputs.count;
        },
      },
      fromLog(batches, policy, { eventCount, feedCount: 1 }),
      fromLog(batches, policy, { eventCount, feedCount: 2 }),
      {
        name: 'encode log entry',
        unit: 'events',
        operationCount: eventCount,
        run: () => {
          let byteCount = 0;
          for (const entry of entries) byteCount += encodeLogEntry(entry).byteLength;
          return byteCount;
        },
      },
      {
        name: 'checksum of a book (Kraken, 10 levels)',
        unit: 'checksums',
        operationCount: 10_000,
        run: () => repeat(10_000, () => kraken.policy.checksum!(kraken.state.book) % 7),
      },
      {
        name: `group one book, ${bookResolutions.length} resolutions, ${bookDepth} groups a side`,
        unit: 'books',
        operationCount: 500,
        run: () =>
          repeat(500, () => {
            let levelCount = 0;
            for (const resolution of bookResolutions) {
              const options = { tickSize: '0.01', resolution, groupsMax: bookDepth };
              levelCount += groupLevels(state.book, options).bids.length;
            }
            return levelCount;
          }),
      },
      publishing(`documents of one book, grouping included`, state, { book: true }),
      publishing('documents of ticker and candles, all changed', state, { book: false }),
      {
        name: 'state to bytes (checkpoint)',
        unit: 'states',
        operationCount: 20,
        run: () => repeat(20, () => encodeState(snapshotInstrument(state)).byteLength),
      },
    ];
    return Promise.resolve({
      benchmarks,
      notes: [
        `${FRAME_COUNT.toLocaleString('en-US')} frames of about ten levels, ${eventCount.toLocaleString('en-US')} events; decode is per frame, the rest as named.`,
      ],
      close: () => Promise.resolve(),
    });
  },
};

/** What whoever runs an instrument of a cluster does with what its feeds wrote, but for Kafka itself: each event of the exchange once for each feed. */
function fromLog(
  batches: readonly EventBatch[],
  policy: InstrumentPolicy,
  { eventCount, feedCount }: { eventCount: number; feedCount: number },
): Benchmark {
  const records = batches.flatMap(({ source, firstOrdinal, events }) =>
    Array.from({ length: feedCount }, (_, replica) =>
      encodeLogEntry({
        source: sourceUnderLease(1, source, replica),
        lastOrdinal: firstOrdinal + events.length - 1,
        events,
      }),
    ),
  );
  return {
    name: `record of a log to state, fed ${feedCount === 1 ? 'once' : 'twice'}`,
    unit: 'events',
    operationCount: eventCount,
    run: () => {
      const state = createInstrumentState(policy);
      const outputs = new CountedOutputs();
      for (const record of records) {
        const { source, lastOrdinal, events } = decodeLogEntry(LOG_ENTRY_SCHEMA_ID, record);
        const batch = { source, firstOrdinal: lastOrdinal + 1 - events.length, events };
        const { entry } = decide(state, batch, policy);
        if (entry !== undefined) evolve(state, entry, policy, outputs);
      }
      return state.position + state.book.bidCount + outputs.count;
    },
  };
}

class CountedOutputs implements EvolveOutputs {
  count = 0;

  onTrade(): void {
    this.count++;
  }

  onCandleClosed(): void {
    this.count++;
  }

  onLateTrade(): void {
    this.count++;
  }

  onCandlesSkipped(): void {
    this.count++;
  }

  onBookUnsure(): void {
    this.count++;
  }

  onBookStatus(): void {
    this.count++;
  }
}

function decoding(script: FeedScript): Benchmark {
  const { adapter } = script.connections[0]!;
  return {
    name: 'decode',
    unit: 'frames',
    operationCount: script.frameCount,
    run: () => {
      const decoder = adapter.createDecoder({ depth: undefined });
      let levelCount = 0;
      for (const line of script.lines) {
        if (line.type !== 'frame') continue;
        for (const message of decoder.decode(line.text, line.timeMs)) {
          levelCount += message.type === 'delta' ? message.event.bids.length : 1;
        }
      }
      return levelCount;
    },
  };
}

const PUBLISH_ROUNDS = 200;

function publishing(name: string, state: InstrumentState, { book }: { book: boolean }): Benchmark {
  const exchange = toExchangeId('binance');
  const symbol = toUnifiedSymbol('BTC-USDT');
  const publisher = new CharacterCount();
  const publications = new SymbolPublications({
    instrument: {
      instrument: toInstrumentKey(exchange, symbol),
      instrumentId: 1,
      exchange,
      symbol,
      nativeSymbol: toNativeSymbol('BTCUSDT'),
    },
    epoch: 1,
    documents: redisDocuments,
    publisher,
    bookResolutions,
    bookDepth,
    candleIntervals: settings.candles.intervals,
  });
  const due = { book: true, ticker: !book, candles: !book, refresh: false };
  return {
    name,
    unit: 'times',
    operationCount: PUBLISH_ROUNDS,
    run: () => {
      for (let round = 0; round < PUBLISH_ROUNDS; round++) {
        publications.everythingChanged();
        publications.changes.book = book;
        publications.publish(state, { status: 'live', reason: '' }, due);
      }
      return publisher.characterCount;
    },
  };
}

class CharacterCount implements Publisher {
  characterCount = 0;

  publish(publications: readonly Publication[]): void {
    for (const { value } of publications) this.characterCount += value.length;
  }

  refresh(): void {
    this.characterCount++;
  }

  markStale(): void {
    this.characterCount++;
  }

  expire(): void {
    this.characterCount++;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

function repeat(count: number, work: () => number): number {
  let sum = 0;
  for (let round = 0; round < count; round++) sum += work();
  return sum;
}
