/** Batches per second into the journal: as many instruments append as a node may have, each waiting for its own batch to be durable. */
import { createSeededRandom } from '../src/base/clock.ts';
import type { ShardClaim } from '../src/actors/ports.ts';
import type { LogEntry } from '../src/market/events.ts';
import type { InstrumentKey } from '../src/market/symbols.ts';
import { toExchangeId, toInstrumentKey, toUnifiedSymbol } from '../src/market/symbols.ts';
import { encodeLogEntry } from '../src/codec/log-entry-codec.ts';
import type { DatabaseLocation } from '../src/persistence/open-database.ts';
import type { Storage } from '../src/persistence/open-storage.ts';
import { openStorage } from '../src/persistence/open-storage.ts';
import { writeScript } from './feeds/feed-script.ts';
import { playScript } from './feeds/play-script.ts';
import { createWire } from './feeds/wires.ts';
import type { Benchmark, BenchmarkGroup } from './harness/benchmark.ts';
import type { Service } from './harness/services.ts';
import { embeddedPostgres, realPostgres, writerContext } from './harness/services.ts';

const INSTRUMENT_COUNTS = [1, 100];
const BATCHES_PER_RUN = 1_000;
const ENTRY_COUNT = 500;
const SEED = 11;

export const journal: BenchmarkGroup = {
  name: 'journal',
  title: 'Journal: append and wait until durable',
  async open() {
    const notes: string[] = [];
    const entries = createEntries();
    const byteCount = entries.reduce((sum, entry) => sum + encodeLogEntry(entry).byteLength, 0);
    const opened: { service: Service<DatabaseLocation>; storage: Storage }[] = [];
    const benchmarks: Benchmark[] = [];
    for (const service of [embeddedPostgres(), await realPostgres(notes)]) {
      if (service === undefined) continue;
      const random = createSeededRandom(SEED + process.pid);
      const schema = `bench_${Math.floor(random() * 1e9)}`;
      const storage = await openStorage({ location: service.location, schema, context: writerContext });
      opened.push({ service, storage });
      const claim = await storage.journal.claim(0, 'bench');
      for (const count of INSTRUMENT_COUNTS) {
        benchmarks.push(appending(service.title, storage, claim, { count, entries }));
      }
    }
    notes.push(
      `One batch: the events of one frame, ${Math.round(byteCount / entries.length)} bytes on average; batches that wait are committed in groups.`,
      'The Postgres started here waits for the disk (fsync); the embedded one has the durability that embedded mode has.',
    );
    return {
      benchmarks,
      notes,
      close: async () => {
        for (const { service, storage } of opened) {
          await storage.database.query({ text: `DROP SCHEMA ${storage.database.schema} CASCADE` });
          await storage.close();
          await service.close();
        }
      },
    };
  },
};

type Appender = { readonly instrument: InstrumentKey; batchNumber: number };

function appending(
  title: string,
  { journal: log }: Storage,
  claim: ShardClaim,
  { count, entries }: { count: number; entries: readonly LogEntry[] },
): Benchmark {
  const appenders = Array.from({ length: count }, (_, index): Appender => {
    const symbol = toUnifiedSymbol(`A${count}N${index}-USDT`);
    return { instrument: toInstrumentKey(toExchangeId('bench'), symbol), batchNumber: 0 };
  });
  const appendSome = async (appender: Appender): Promise<void> => {
    for (let index = 0; index < BATCHES_PER_RUN / count; index++) {
      const number = ++appender.batchNumber;
      await log.append(claim, appender.instrument, number, entries[number % entries.length]!);
    }
  };
  return {
    name: `${title}, ${count} instrument${count === 1 ? '' : 's'} at once`,
    unit: 'batches',
    operationCount: BATCHES_PER_RUN,
    run: async () => {
      await Promise.all(appenders.map(appendSome));
      return appenders[0]!.batchNumber;
    },
  };
}

function createEntries(): LogEntry[] {
  const entries: LogEntry[] = [];
  playScript(writeScript(createWire('binance'), { seed: SEED, frameCount: ENTRY_COUNT }), {
    onEntry: (entry) => entries.push(entry),
  });
  // The first holds the snapshot of the whole book.
  return entries.slice(1);
}
