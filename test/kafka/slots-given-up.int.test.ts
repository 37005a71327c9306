/** Slots that a node gives up are fed by another one on the word of the database: nothing here looks by itself, for none of its periods ever ends. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Timers } from '../../src/base/clock.ts';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { Closers } from '../../src/closers.ts';
import { NODE_ALIVE_MS } from '../../src/cluster/cluster-membership.ts';
import type { NodeIdentity } from '../../src/cluster/ports.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { claimEventLog } from '../../src/persistence/event-log-kind.ts';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import { PostgresNodeTable } from '../../src/persistence/node-table.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import { openStorage } from '../../src/persistence/open-storage.ts';
import { loadSettings } from '../../src/settings.ts';
import { createClusterProcess } from '../../src/start-cluster.ts';
import { ScriptedTransport } from '../actors/support.ts';
import { RecordingLog } from '../support/recording-log.ts';
import {
  dropSchema,
  freshName,
  testDatabaseUrl,
  testKafkaBrokers,
  testRedisUrl,
} from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Longer than the test: no lease runs out in it. */
const LEASE_MS = 60_000;
/** It does not come at all where nobody listens. */
const TOLD = { timeout: 20_000 };
const OTHER: NodeIdentity = { name: 'other', runId: 'r1', adminUrl: 'http://127.0.0.1:1', roles: ['ingest'] };
const WITHOUT_PERIODS: Timers = { ...systemTimers, every: () => ({ cancel: () => undefined }) };
const [EXCHANGE, SYMBOL] = [toExchangeId('kraken'), toUnifiedSymbol('BTC-USD')];

describe('a node that is to feed slots which another one holds', () => {
  let schema: string;
  let storage: Storage;
  let closers: Closers;
  let nodes: PostgresNodeTable;
  let leases: PostgresLeaseTable;

  beforeEach(async () => {
    schema = freshName('test');
    const log = new RecordingLog();
    const surroundings = { clock: systemClock, timers: WITHOUT_PERIODS, random: Math.random, log };
    storage = await openStorage({ location: { url: testDatabaseUrl() }, schema, context: surroundings });
    const { settings } = loadSettings({
      assignments: [
        `kafka.brokers=${testKafkaBrokers().join(',')}`,
        `kafka.topicPrefix=${schema.replaceAll('_', '-')}`,
        ...['kafka.partitions=2', 'kafka.replicationFactor=1', 'feed.slots=2', 'feed.redundancy=1'],
        ...['node.name=here', 'node.roles=ingest', `node.leaseMs=${LEASE_MS}`],
        `postgres.schema=${schema}`,
      ],
      environment: { TAMPINES_POSTGRES_URL: testDatabaseUrl(), TAMPINES_REDIS_URL: testRedisUrl() },
    });
    const { kafka } = settings;
    const { generation } = await claimEventLog(storage.database, {
      name: eventTopicOf(kafka).name,
      partitions: kafka.partitions,
    });
    nodes = new PostgresNodeTable(storage.database, generation);
    leases = new PostgresLeaseTable(storage.database);
    await storage.catalog.add({
      ...{ instrument: toInstrumentKey(EXCHANGE, SYMBOL), exchange: EXCHANGE, symbol: SYMBOL },
      nativeSymbol: toNativeSymbol('BTC/USD'),
    });
    await nodes.renew(OTHER, {}, NODE_ALIVE_MS);
    await leases.take(OTHER, [slot(0), slot(1)], LEASE_MS);
    closers = new Closers({ log, deadlineMs: 5_000, clock: systemClock, timers: systemTimers });
    const node = await createClusterProcess(
      {
        ...{ settings, surroundings, storage, closers },
        redis: { url: testRedisUrl() },
        transport: new ScriptedTransport(),
      },
      { generation, topic: eventTopicOf(kafka) },
    );
    await node.join('http://127.0.0.1:2');
    await waitUntil(() => log.lines.some(({ message }) => message.includes('told by the database')));
  });

  afterEach(async () => {
    await closers.closeAll();
    await storage.close();
    await dropSchema(schema);
  });

  const slot = (number: number) => ({ exchange: EXCHANGE, slot: number, replica: 0 });
  const heldHere = async (): Promise<number[]> =>
    (await leases.read(LEASE_MS)).filter(({ holder }) => holder?.name === 'here').map((row) => row.slot);

  it('takes its share when that one gives it up, and lives on', async () => {
    expect(await heldHere()).toEqual([]);
    await leases.releaseAll(OTHER);
    await expect.poll(heldHere, TOLD).toHaveLength(1);
  });

  it('takes all when that one gives them up and is gone', async () => {
    expect(await heldHere()).toEqual([]);
    await nodes.remove(OTHER);
    await leases.releaseAll(OTHER);
    await expect.poll(heldHere, TOLD).toHaveLength(2);
  });
});
