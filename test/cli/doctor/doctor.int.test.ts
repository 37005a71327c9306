/** The doctor before a real Postgres and a real Redis. */
import { afterAll, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../src/base/clock.ts';
import { checkPostgres, checkRedis } from '../../../src/cli/doctor/check-storage.ts';
import { openDatabase } from '../../../src/persistence/open-database.ts';
import { loadSettings } from '../../../src/settings.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { dropSchema, freshName, testDatabaseUrl, testRedisUrl } from '../../support/services.ts';

const schema = freshName('doctor');
const settingsWith = (environment: Record<string, string>) =>
  loadSettings({ environment, assignments: [`postgres.schema=${schema}`] }).settings;
afterAll(() => dropSchema(schema));

describe('Postgres', () => {
  const settings = () => settingsWith({ TAMPINES_POSTGRES_URL: testDatabaseUrl() });

  it('is found with its version, its clock, and a schema that is still to be made; nothing is made', async () => {
    for (let time = 0; time < 2; time++) {
      const [postgres, clock] = await checkPostgres(settings());
      expect(postgres!.found).toMatch(/^Postgres \d+.*is made at the first start/);
      expect(clock).toMatchObject({ check: 'clock (Postgres)', verdict: 'ok' });
    }
  });

  it('is found up to date once a node was there, and refused when a newer version was', async () => {
    const database = await openDatabase({
      location: { url: testDatabaseUrl() },
      schema,
      timers: systemTimers,
      log: new RecordingLog(),
    });
    expect((await checkPostgres(settings()))[0]!.found).toContain('is up to date');
    await database.query({
      text: `INSERT INTO ${database.schema}.migration (version, name, checksum) VALUES (999, 'later', 'x')`,
    });
    await database.close();
    expect((await checkPostgres(settings()))[0]).toMatchObject({
      verdict: 'fail',
      toDo: 'run the newer version, or set another postgres.schema',
    });
  });
});

describe('Redis', () => {
  it('is found with its version and role', async () => {
    const [finding] = await checkRedis(settingsWith({ TAMPINES_REDIS_URL: testRedisUrl() }));
    expect([finding!.verdict, finding!.found]).toEqual([
      'ok',
      expect.stringMatching(/^Redis \d+\.\S+, master, /),
    ]);
  });
});
