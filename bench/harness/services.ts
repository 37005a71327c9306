/** Postgres and Redis for benchmarks: embedded ones, and real ones where the machine has them. All are thrown away afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as KafkaService from '../../scripts/services/kafka.mjs';
import { startPostgres } from '../../scripts/services/postgres.mjs';
import { startRedis } from '../../scripts/services/redis.mjs';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import type { DatabaseLocation } from '../../src/persistence/open-database.ts';
import { startEmbeddedRedis } from '../../src/publishing/embedded-redis.ts';

/** Something that was started or found; `undefined` where the machine has none, with the reason in the notes. */
export type Service<Location> = {
  readonly title: string;
  readonly location: Location;
  readonly close: () => Promise<void>;
};

export type RealServers = {
  readonly title: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly close: () => Promise<void>;
};

/** Warnings and errors would explain strange figures; the rest is not for readers of a table. */
export const benchLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => console.error('warning:', message, fields),
  error: (fields, message) => console.error('error:', message, fields),
};

export const writerContext = {
  clock: systemClock,
  timers: systemTimers,
  random: Math.random,
  log: benchLog,
};

export function embeddedPostgres(): Service<DatabaseLocation> {
  const folder = mkdtempSync(join(tmpdir(), 'tampines-bench-'));
  return {
    title: 'embedded Postgres',
    location: { dataDirectory: join(folder, 'postgres') },
    close: () => {
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

/** The one of TEST_DATABASE_URL, else one started here that waits for the disk as a real one does. */
export async function realPostgres(notes: string[]): Promise<Service<DatabaseLocation> | undefined> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined && given !== '') {
    return { title: 'Postgres (given)', location: { url: given }, close: () => Promise.resolve() };
  }
  const started = await tryStart('Postgres', () => startPostgres({ isDurable: true }), notes);
  if (started === undefined) return undefined;
  const { url, version, stop } = started;
  return { title: `Postgres ${version}`, location: { url }, close: stop };
}

export async function embeddedRedis(): Promise<Service<string>> {
  const server = await startEmbeddedRedis(0);
  return {
    title: 'embedded Redis',
    location: `redis://127.0.0.1:${server.port}`,
    close: () => server.close(),
  };
}

/** The one of TEST_REDIS_URL, else one started here. */
export async function realRedis(notes: string[]): Promise<Service<string> | undefined> {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined && given !== '') {
    return { title: 'Redis (given)', location: given, close: () => Promise.resolve() };
  }
  const started = await tryStart('Redis', () => startRedis(), notes);
  if (started === undefined) return undefined;
  const { url, version, stop } = started;
  return { title: `Redis ${version}`, location: url, close: stop };
}

/** The one of KAFKA_BROKERS, else one started here. Its script reads files beside it, so it is taken from the project and not from what was compiled. */
export async function realKafka(notes: string[]): Promise<Service<string> | undefined> {
  const given = process.env['KAFKA_BROKERS'];
  if (given !== undefined && given !== '') {
    return { title: 'Kafka (given)', location: given, close: () => Promise.resolve() };
  }
  const script = pathToFileURL(join(process.cwd(), 'scripts/services/kafka.mjs')).href;
  const { startKafka } = (await import(script)) as typeof KafkaService;
  const started = await tryStart('Kafka', () => startKafka(), notes);
  if (started === undefined) return undefined;
  const { url, version, stop } = started;
  return { title: `Kafka ${version}`, location: url, close: stop };
}

/** Both, for benchmarks that need them; `undefined` where one can't be had, and then none is left running. */
export async function realServers(notes: string[]): Promise<RealServers | undefined> {
  const postgres = await realPostgres(notes);
  const redis = await realRedis(notes);
  const close = async (): Promise<void> => {
    await postgres?.close();
    await redis?.close();
  };
  if (postgres === undefined || redis === undefined || !('url' in postgres.location)) {
    await close();
    return undefined;
  }
  const title = `${postgres.title}, ${redis.title}`;
  return { title, postgresUrl: postgres.location.url, redisUrl: redis.location, close };
}

async function tryStart<Started>(
  name: string,
  start: () => Promise<Started>,
  notes: string[],
): Promise<Started | undefined> {
  try {
    return await start();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error);
    notes.push(`Skipped, no real ${name}: ${reason}`);
    return undefined;
  }
}
