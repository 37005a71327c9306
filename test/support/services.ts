/** Real services for tests: each test file works in its own schema or key space, so files may run at the same time. */
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import pg from 'pg';
import { expect } from 'vitest';

/** @throws Error that names the command to run when the tests were not given a Postgres */
export function testDatabaseUrl(): string {
  return requireUrl('TEST_DATABASE_URL', 'Postgres');
}

/** @throws Error that names the command to run when the tests were not given a Redis */
export function testRedisUrl(): string {
  return requireUrl('TEST_REDIS_URL', 'Redis');
}

/**
 * Returns `host:port` of the brokers.
 * @throws Error that names the command to run when the tests were not given a Kafka
 */
export function testKafkaBrokers(): readonly string[] {
  return requireUrl('KAFKA_BROKERS', 'Kafka').split(',');
}

/** Returns a name that no other test file uses: a schema, or the start of Redis keys. */
export function freshName(prefix: string): string {
  return `${prefix}_${process.pid}_${randomBytes(4).toString('hex')}`;
}

/** Removes a schema that a test made. */
export async function dropSchema(schema: string): Promise<void> {
  const client = new pg.Client(testDatabaseUrl());
  await client.connect();
  try {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  } finally {
    await client.end();
  }
}

/** Notes that this test file runs against `service`, for the closing lines of `npm test`. */
export function noteServiceUse(service: string): void {
  const file = process.env['TEST_SERVICE_USE_FILE'];
  const { testPath } = expect.getState();
  if (file !== undefined && testPath !== undefined) appendFileSync(file, `${service}\t${testPath}\n`);
}

function requireUrl(name: string, service: string): string {
  const url = process.env[name];
  if (url === undefined || url === '') {
    throw new Error(
      `${name} is not set: this test needs a ${service}. Run \`npm test\`, which starts one, or set ${name}.`,
    );
  }
  noteServiceUse(service);
  return url;
}
