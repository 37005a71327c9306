/** What each station costs on the way of an event, one at a time, on the seeded Binance feed: the budget that end-to-end figures add up from. */
import { encodeLogEntry } from '../src/codec/log-entry-codec.ts';
import { encodeState } from '../src/codec/state-codec.ts';
import type { Publication, Publisher } from '../src/actors/ports.ts';
import { SymbolPublications } from '../src/actors/symbol-publications.ts';
import { decide } from '../src/market/decide.ts';
import type { EventBatch, LogEntry } from '../src/market/events.ts';
import { evolve } from '../src/market/evolve.ts';
import { groupLevels } from '../src/market/grouping.ts';
import type { InstrumentState } from '../src/market/instrument-state.ts';
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
          let told = 0;
          const count = (): void => {
            told++;
          };
          const outputs = {
            onTrade: count,
            onCandleClosed: count,
            onLateTrade: count,
            onCandlesSkipped: count,
            onBookUnsure: count,
            onBookStatus: count,
          };
          for (const entry of entries) evolve(folded, entry, policy, outputs);
          return folded.position + folded.book.bidCount + told;
        },
      },
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
