/** Membership and leases together, as a node wires them, on one Postgres. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { ClusterDirectory } from '../../src/cluster/cluster-directory.ts';
import { ClusterMembership } from '../../src/cluster/cluster-membership.ts';
import { IngestLeases } from '../../src/cluster/ingest-leases.ts';
import { INGEST_ROLE } from '../../src/cluster/ports.ts';
import { toExchangeId, toInstrumentKey, toUnifiedSymbol } from '../../src/market/symbols.ts';
import { PostgresPictureSource } from '../../src/persistence/cluster-picture.ts';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import { PostgresNodeTable } from '../../src/persistence/node-table.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openClusterDatabase } from '../support/postgres-store.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { waitUntil } from '../support/wait-until.ts';

const LEASE_MS = 30_000;
const SLOT_COUNT = 4;
const BTC = toInstrumentKey(toExchangeId('kraken'), toUnifiedSymbol('BTC-USD'));

describe('nodes of a cluster', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openClusterDatabase();
  });
  afterAll(() => test.close());

  function createNode(name: string) {
    const log = new RecordingLog();
    const shared = { clock: systemClock, timers: systemTimers, log };
    const membership: ClusterMembership = new ClusterMembership({
      ...shared,
      node: { name, runId: `run-of-${name}`, adminUrl: `http://${name}:8080`, roles: [INGEST_ROLE] },
      table: new PostgresNodeTable(test.database, 0),
      report: () => ({ slots: leases.held().length }),
      onChanged: () => leases.check(),
      onDisplaced: () => undefined,
    });
    const leases = new IngestLeases({
      ...shared,
      node: { name, runId: `run-of-${name}` },
      table: new PostgresLeaseTable(test.database),
      leaseMs: LEASE_MS,
      slotCount: SLOT_COUNT,
      redundancy: 1,
      exchanges: () => ['kraken'],
      nodes: () => membership.nodes(),
      onGained: () => undefined,
      onAwaited: () => Promise.resolve(),
      onForgone: () => undefined,
      onLost: () => undefined,
    });
    return {
      membership,
      leases,
      start: async () => {
        await membership.start();
        leases.start();
      },
      // The others are to take over before this one is gone.
      stop: async () => {
        membership.setRoles([]);
        await leases.stop(0);
        await membership.stop();
      },
    };
  }

  it('share the feeding among those that are there, long before any lease runs out, and each knows who feeds what', async () => {
    const [a, b] = [createNode('a'), createNode('b')];
    const counts = (): string => [a, b].map(({ leases }) => leases.held().length).join();
    await a.start();
    await waitUntil(() => counts() === '4,0');
    await b.start();
    await waitUntil(() => counts() === '2,2');
    const directory = new ClusterDirectory({
      source: new PostgresPictureSource(test.database),
      clock: systemClock,
      shardCount: 4,
      slotCount: SLOT_COUNT,
      redundancy: 1,
      leaseMs: LEASE_MS,
    });
    const feeder = await directory.ingestOwnerOf(BTC);
    expect(feeder?.adminUrl).toBe(`http://${feeder?.name ?? ''}:8080`);
    await a.stop();
    await waitUntil(() => counts() === '0,4');
    await waitUntil(() => b.membership.nodes().length === 1);
    const { nodes, leases } = await new PostgresPictureSource(test.database).read({
      aliveMs: 3_000,
      leaseMs: LEASE_MS,
    });
    expect(nodes.map(({ name, isAlive }) => [name, isAlive])).toEqual([['b', true]]);
    expect(leases.map(({ holder }) => holder)).toEqual(['b', 'b', 'b', 'b']);
    await b.stop();
  });
});
