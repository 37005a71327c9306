import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { IngestLeases } from '../../src/cluster/ingest-leases.ts';
import { PgDatabase } from '../../src/persistence/database.ts';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openRealDatabase } from '../support/postgres-store.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { testDatabaseUrl } from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

const LEASE_MS = 3_000;
const SLOT_COUNT = 6;
const EXCHANGES = ['binance', 'kraken'];
const NAMES = ['a', 'b', 'c'];

type Node = { readonly name: string; leases: IngestLeases; database: PgDatabase; proxy: CuttingProxy };

describe('leases of nodes on one Postgres', () => {
  let test: TestDatabase;
  let nodes: Node[];
  let members: string[];
  beforeEach(async () => {
    test = await openRealDatabase();
    members = [...NAMES];
    nodes = await Promise.all(NAMES.map(createNode));
    for (const { leases } of nodes) leases.start();
    await waitUntil(() => counts().every((count) => count === 4));
  });
  afterEach(async () => {
    for (const { leases, database, proxy } of nodes) {
      await leases.stop(0);
      await database.close();
      await proxy.close();
    }
    await test.close();
  });

  async function createNode(name: string): Promise<Node> {
    const url = new URL(testDatabaseUrl());
    const proxy = await startCuttingProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    const database = new PgDatabase({ schema: test.database.schema, connection: { url: url.href } });
    const leases = new IngestLeases({
      node: { name, runId: '1' },
      table: new PostgresLeaseTable(database),
      leaseMs: LEASE_MS,
      slotCount: SLOT_COUNT,
      redundancy: 1,
      clock: systemClock,
      timers: systemTimers,
      log: new RecordingLog(),
      exchanges: () => EXCHANGES,
      nodes: () => members.map((member) => ({ name: member, runId: '1', roles: ['ingest'] })),
      onGained: () => undefined,
      onAwaited: () => Promise.resolve(),
      onForgone: () => undefined,
      onLost: () => undefined,
    });
    return { name, leases, database, proxy };
  }

  const counts = (): number[] => nodes.map(({ leases }) => leases.held().length);

  /** Waits, and looks all the while whether two nodes would feed one slot. */
  async function waitWatching(condition: () => boolean): Promise<void> {
    await waitUntil(() => {
      const names = nodes.flatMap(({ leases }) =>
        leases.held().map(({ exchange, slot }) => `${exchange}/${String(slot)}`),
      );
      expect(names).toHaveLength(new Set(names).size);
      return condition();
    });
  }

  it('are with the others after a node lost the database for longer than its lease, and fair again when it is back', async () => {
    const [, , c] = nodes;
    c!.proxy.mode = 'down';
    c!.proxy.cut();
    members = ['a', 'b'];
    await waitWatching(() => counts().join() === '6,6,0');
    c!.proxy.mode = 'open';
    members = [...NAMES];
    await waitWatching(() => counts().join() === '4,4,4');
  });

  it('stay where they are through a break shorter than a lease', async () => {
    const before = nodes.map(({ leases }) => leases.held());
    for (const { proxy } of nodes) proxy.cut();
    await systemTimers.sleep(LEASE_MS);
    await waitWatching(() => counts().join() === '4,4,4');
    const bySlot = (all: { exchange: string; slot: number }[][]) =>
      all.map((held) => held.map((one) => JSON.stringify(one)).sort());
    expect(bySlot(nodes.map(({ leases }) => leases.held()))).toEqual(bySlot(before));
  });
});
