/** Whatever becomes of one call to Postgres or Kafka, the shards go on as the log says. In a process of its own: the simulation takes over what it would share with the test runner. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { testDatabaseUrl } from '../../../support/services.ts';

const RUN = fileURLToPath(new URL('run.ts', import.meta.url));
const TIMEOUT_MS = 600_000;
/** Fewer would mean that the run or the counting shrank, and with it what is tried. */
const CALLS_MIN = 150;
const NAMES = [
  'Kafka: commit offsets',
  'Kafka: fetch',
  'Kafka: join the group',
  'Kafka: leave the group',
  'Kafka: list offsets',
  'Kafka: partitions are assigned',
  'Kafka: partitions are revoked',
  'Kafka: seek',
  'Postgres: BEGIN',
  'Postgres: COMMIT',
  'Postgres: INSERT INTO shard AS held',
  'Postgres: SELECT next_position',
  'Postgres: SELECT wanted.place, found.*',
  'Postgres: UPDATE shard SET next_position',
  'Postgres: WITH fence AS MATERIALIZED',
  'Postgres: WITH written AS (INSERT INTO candle',
  'Postgres: WITH written AS (INSERT INTO trade',
];

test(
  'a call of each kind that is lost, or kills its node before or after it was done: nothing is lost, doubled or taken back',
  async () => {
    const output = await new Promise<string>((resolve) => {
      execFile(
        process.execPath,
        ['--import', 'tsx', RUN, '--each', '1'],
        { env: { ...process.env, TEST_DATABASE_URL: testDatabaseUrl() } },
        (_error, stdout, stderr) => resolve(stdout + stderr),
      );
    });
    const [, calls, runs, struck, differ] =
      /^(\d+) calls of \d+ names, \d+ records, (\d+) runs, (\d+) struck, (\d+) differ$/m.exec(output) ?? [];
    expect(differ, output).toBe('0');
    expect(struck).toBe(runs);
    expect(Number(calls)).toBeGreaterThan(CALLS_MIN);
    for (const name of NAMES) expect(output).toMatch(new RegExp(`^[1-9]\\d* × ${escaped(name)}`, 'm'));
  },
  TIMEOUT_MS,
);

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
