import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSeededRandom, systemClock, systemTimers } from '../../src/base/clock.ts';
import { DesiredInstruments } from '../../src/cluster/desired-instruments.ts';
import { PostgresNotifications } from '../../src/persistence/change-notifications.ts';
import { PostgresInstrumentCatalog } from '../../src/persistence/instrument-catalog.ts';
import { InstrumentIds } from '../../src/persistence/instrument-ids.ts';
import { PostgresLeaseTable } from '../../src/persistence/lease-table.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';
import type { CuttingProxy } from '../support/cutting-proxy.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import type { TestDatabase } from '../support/postgres-store.ts';
import { openRealDatabase } from '../support/postgres-store.ts';
import { testDatabaseUrl } from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

function instrument(name: string) {
  const [exchange, symbol] = [toExchangeId('kraken'), toUnifiedSymbol(name)];
  const nativeSymbol = toNativeSymbol(name);
  return { instrument: toInstrumentKey(exchange, symbol), exchange, symbol, nativeSymbol };
}

describe('word of changes of the desired instruments, and of slots', () => {
  let test: TestDatabase;
  let catalog: PostgresInstrumentCatalog;
  let proxy: CuttingProxy;
  let notifications: PostgresNotifications;
  let changeCount: number;
  let givenUpCount: number;
  let listening: boolean[];
  beforeEach(async () => {
    test = await openRealDatabase();
    catalog = new PostgresInstrumentCatalog(test.database, new InstrumentIds(test.database));
    const url = new URL(testDatabaseUrl());
    proxy = await startCuttingProxy({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    changeCount = givenUpCount = 0;
    listening = [];
    notifications = new PostgresNotifications({
      url: url.href,
      schema: test.database.schema,
      timers: systemTimers,
      random: createSeededRandom(1),
      log: test.log,
      onSlotsGivenUp: () => {
        givenUpCount++;
      },
    });
  });
  afterEach(async () => {
    await notifications.stop();
    await proxy.close();
    await test.close();
  });

  const start = async (): Promise<void> => {
    notifications.start({
      onChange: () => {
        changeCount++;
      },
      onListening: (isListening) => void listening.push(isListening),
    });
    await waitUntil(() => changeCount === 1);
  };

  it('comes once for each statement that changes them', async () => {
    const { schema } = test.database;
    await start();
    await catalog.add(instrument('A'));
    await waitUntil(() => changeCount === 2);
    await test.database.query({
      text: `INSERT INTO ${schema}.instrument (key, native_symbol, is_desired)
        SELECT 'kraken:X' || n, 'X' || n, true FROM generate_series(1, 1000) AS n`,
    });
    await waitUntil(() => changeCount === 3);
    await catalog.remove(instrument('A').instrument);
    await waitUntil(() => changeCount === 4);
    await test.database.query({ text: `DELETE FROM ${schema}.instrument WHERE key = 'kraken:X1'` });
    await waitUntil(() => changeCount === 5);
    await catalog.configure(instrument('X2').instrument, { bookDepth: 7 });
    await waitUntil(() => changeCount === 6);
  });

  it('does not come where only an id was given, nothing was changed, or another schema was', async () => {
    await start();
    await catalog.add(instrument('A'));
    await new InstrumentIds(test.database).assign(instrument('B').instrument);
    await catalog.add(instrument('A'));
    await catalog.remove(instrument('B').instrument);
    const other = await openRealDatabase();
    await new PostgresInstrumentCatalog(other.database, new InstrumentIds(other.database)).add(
      instrument('A'),
    );
    await other.close();
    await catalog.add(instrument('C'));
    await waitUntil(() => changeCount === 3);
    expect(changeCount).toBe(3);
  });

  it('comes once for each time that slots are given up, and not where they are only taken or renewed', async () => {
    const table = new PostgresLeaseTable(test.database);
    const holder = { name: 'a', runId: '1' };
    const slots = [0, 1, 2].map((slot) => ({ exchange: 'kraken', slot, replica: 0 }));
    await start();
    const leases = await table.take(holder, slots, 10_000);
    await table.renew(holder, leases, 10_000);
    await table.release(holder, leases.slice(0, 2));
    await waitUntil(() => givenUpCount === 1);
    await table.releaseAll(holder);
    await waitUntil(() => givenUpCount === 2);
    expect(changeCount).toBe(1);
  });

  it('comes again after the connection was lost, also for what was changed meanwhile', async () => {
    await start();
    proxy.mode = 'down';
    proxy.cut();
    await waitUntil(() => listening.at(-1) === false);
    proxy.mode = 'open';
    await waitUntil(() => listening.at(-1) === true && changeCount === 2);
    await catalog.add(instrument('A'));
    await waitUntil(() => changeCount === 3);
    expect(listening).toEqual([true, false, true]);
    expect(test.log.countOf('warn')).toBe(1);
  });

  it('makes a node follow a change that another one made', async () => {
    const told: number[] = [];
    const followed = new DesiredInstruments({
      source: new PostgresInstrumentCatalog(test.database, new InstrumentIds(test.database)),
      notifications,
      clock: systemClock,
      timers: systemTimers,
      log: test.log,
      onChanged: (instruments) => void told.push(instruments.length),
    });
    followed.start();
    await waitUntil(() => told.length === 1);
    await catalog.add(instrument('A'));
    await waitUntil(() => told.length === 2);
    expect(told).toEqual([0, 1]);
    await followed.stop();
  });
});
