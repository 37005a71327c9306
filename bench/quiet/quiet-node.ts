/** A node of many quiet instruments in virtual time, wired as the shipped one; its servers take all that is sent to them at once and keep little of it. */
import { momentOf } from '../../src/base/clock.ts';
import { SHARD, buildNode } from '../../src/build-node.ts';
import { Closers } from '../../src/closers.ts';
import { logCodec } from '../../src/codec/log-codec.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { MemoryInstrumentCatalog } from '../../src/persistence/memory-instrument-catalog.ts';
import { MemoryJournal, MemoryJournalStorage } from '../../src/persistence/memory-journal.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import { MemoryOperationsRecords } from '../../src/persistence/memory-operations-records.ts';
import type { ScriptClient } from '../../src/publishing/redis-client.ts';
import { APPEND_CLOSED } from '../../src/publishing/scripts.ts';
import { loadSettings } from '../../src/settings.ts';
import { benchLog } from '../harness/services.ts';
import { QuietExchange } from './quiet-exchange.ts';
import { VirtualTime } from './virtual-time.ts';

const START_MS = Date.UTC(2026, 0, 5, 10, 56);
const LIVE_WITHIN_MS = 600_000;

export type QuietNode = {
  readonly time: VirtualTime;
  readonly exchange: QuietExchange;
  /** Closed candles that were published. */
  readonly closedCount: () => number;
  /** Log entries that were written. */
  readonly entryCount: () => number;
};

/** Resolves when all books are live. */
export async function startQuietNode(instrumentCount: number): Promise<QuietNode> {
  const time = new VirtualTime(START_MS);
  const names = Array.from({ length: instrumentCount }, (_, index) => `Q${index}`);
  const exchange = new QuietExchange(
    time,
    names.map((name) => `${name}/USD`),
  );
  const { settings } = loadSettings({});
  const journal = new MemoryJournal({ storage: new MemoryJournalStorage(), codec: logCodec, log: benchLog });
  const catalog = new MemoryInstrumentCatalog();
  const id = toExchangeId('kraken');
  for (const name of names) {
    const symbol = toUnifiedSymbol(`${name}-USD`);
    const nativeSymbol = toNativeSymbol(`${name}/USD`);
    await catalog.add({ instrument: toInstrumentKey(id, symbol), exchange: id, symbol, nativeSymbol });
  }
  // The twins would keep all of it.
  let entryCount = 0;
  journal.append = () => {
    entryCount++;
    return Promise.resolve();
  };
  const tables = new MemoryMarketTables();
  tables.write = () => Promise.resolve();
  const claim = await journal.claim(SHARD, 'bench');
  const closers = new Closers({ log: benchLog, deadlineMs: 60_000, clock: time, timers: time });
  const node = buildNode({
    settings,
    surroundings: { clock: time, timers: time, random: () => 0.5, log: benchLog },
    storage: { journal, tables, catalog, records: new MemoryOperationsRecords() },
    redis: { url: 'redis://nowhere', connect: () => takingAll },
    transport: exchange,
    claim,
    lease: { claimed: claim, claimedAt: momentOf(time), ask: () => Promise.resolve({ isOwn: true }) },
    closers,
    runId: 'bench',
  });
  await node.instruments.start();
  const liveBooks = async (): Promise<number> => {
    const connections = await node.instruments.connections('kraken');
    return connections.reduce((sum, { syncedCount }) => sum + syncedCount, 0);
  };
  await time.pass(1_000);
  for (let passedMs = 0; (await liveBooks()) < instrumentCount; passedMs += 1_000) {
    if (passedMs > LIVE_WITHIN_MS) throw new Error(`Only ${await liveBooks()} books are live`);
    await time.pass(1_000);
  }
  return {
    time,
    exchange,
    closedCount: () => node.publisher.metrics.closedPublished,
    entryCount: () => entryCount,
  };
}

const takingAll: ScriptClient = {
  status: 'ready',
  isCluster: false,
  evalsha: (sha, keyCount) =>
    Promise.resolve(sha === APPEND_CLOSED.sha ? Array<number>(keyCount).fill(0) : []),
  eval: () => Promise.resolve([]),
  on: () => undefined,
  off: () => undefined,
  disconnect: () => undefined,
};
