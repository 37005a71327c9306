/** Postgres, Redis and the disk of the data directory, as the settings name them. Nothing is changed, and nothing set up. */
import { constants, existsSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import { hasErrorCode } from '../../base/errors.ts';
import { lockDataDirectory } from '../../persistence/data-directory-lock.ts';
import type { DatabaseFacts } from '../../persistence/database-facts.ts';
import { readDatabaseFacts } from '../../persistence/database-facts.ts';
import { PgDatabase } from '../../persistence/database.ts';
import { NEWEST_MIGRATION } from '../../persistence/migrate.ts';
import { createRedisClient } from '../../publishing/redis-client.ts';
import type { Settings } from '../../settings-schema.ts';
import { checkOffset } from './clock-offset.ts';
import type { Finding } from './finding.ts';
import { CHECK_TIMEOUT_MS, fail, ok, reasonOf, warn } from './finding.ts';

const MEBIBYTE = 1024 * 1024;
/** Below this a day of journal of a dozen symbols no longer fits. */
const FREE_WARN_MEBIBYTES = 2_048;
/** Below this the embedded database stops any moment. */
const FREE_FAIL_MEBIBYTES = 256;

export async function checkPostgres(settings: Settings): Promise<Finding[]> {
  const { url, schema } = settings.postgres;
  if (url === '') return [checkEmbedded(settings)];
  let database: PgDatabase | undefined;
  try {
    database = new PgDatabase({ schema, connection: { url } });
    const sentMs = Date.now();
    const facts = await readDatabaseFacts(database, CHECK_TIMEOUT_MS);
    const heardMs = Date.now();
    const clock = checkOffset(
      'Postgres',
      { sentMs, heardMs, theirMs: facts.nowMs, resolutionMs: 1 },
      settings,
    );
    return [describeFacts(facts, schema), clock];
  } catch (error) {
    const toDo = 'check TAMPINES_POSTGRES_URL, that Postgres runs, and that it lets this machine in';
    return [fail('postgres', reasonOf(error), toDo)];
  } finally {
    await database?.close();
  }
}

function describeFacts(facts: DatabaseFacts, schema: string): Finding {
  const { serverVersion, migration } = facts;
  if (migration !== undefined && migration > NEWEST_MIGRATION) {
    const found = `Postgres ${serverVersion}, schema ${schema} has migration ${migration}, this version knows ${NEWEST_MIGRATION}`;
    return fail('postgres', found, 'run the newer version, or set another postgres.schema');
  }
  if (migration === undefined && !facts.maySetUp) {
    const found = `Postgres ${serverVersion}, schema ${schema} is not there and our user may not create it`;
    return fail('postgres', found, 'GRANT CREATE ON DATABASE to the user of TAMPINES_POSTGRES_URL');
  }
  const state =
    migration === undefined
      ? 'is made at the first start'
      : migration < NEWEST_MIGRATION
        ? `is brought from migration ${migration} to ${NEWEST_MIGRATION} at the next start`
        : 'is up to date';
  const found = `Postgres ${serverVersion}, schema ${schema} ${state}`;
  if (facts.isDurable) return ok('postgres', found);
  const loss = `${found}; fsync or synchronous_commit is off`;
  return warn('postgres', loss, 'set both on: what was acknowledged may be lost with the power');
}

function checkEmbedded({ node }: Settings): Finding {
  const directory = join(node.dataDirectory, 'postgres');
  if (!existsSync(directory)) return ok('postgres', `embedded, made in ${directory} at the first start`);
  try {
    lockDataDirectory(directory).release();
    return ok('postgres', `embedded in ${directory}, nobody has it open`);
  } catch (error) {
    if (hasErrorCode(error, 'DATA_DIRECTORY_LOCKED')) {
      return ok(
        'postgres',
        `embedded in ${directory}, process ${String(error.fields['holderPid'])} has it open`,
      );
    }
    return fail(
      'postgres',
      reasonOf(error),
      'let the user of the node write there, or set node.dataDirectory',
    );
  }
}

export async function checkRedis({ redis }: Settings): Promise<Finding[]> {
  if (redis.url === '') return [await checkOwnRedis(redis.port)];
  const toDo = 'check TAMPINES_REDIS_URL, that Redis runs, and its user and password';
  let lastError: unknown;
  try {
    const client = createRedisClient(redis.url, {
      reconnect: { initialMs: CHECK_TIMEOUT_MS, maxMs: CHECK_TIMEOUT_MS, jitter: 0 },
      random: () => 0,
      connectTimeoutMs: CHECK_TIMEOUT_MS,
      commandTimeoutMs: CHECK_TIMEOUT_MS,
    });
    client.on('error', (error: Error) => (lastError = error));
    try {
      await Promise.race([once(client, 'ready'), once(client, 'close')]);
      const text = await client.info();
      return [describeRedis(text)];
    } finally {
      client.disconnect();
    }
  } catch (error) {
    return [fail('redis', reasonOf(lastError ?? error), toDo)];
  }
}

function describeRedis(info: string): Finding {
  const valueOf = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const found = `Redis ${valueOf('redis_version')}, ${valueOf('role')}, ${valueOf('used_memory_human')} in use`;
  if (valueOf('role') === 'slave') {
    return fail('redis', found, 'name the master in TAMPINES_REDIS_URL: a replica takes no writes');
  }
  const isEvicting =
    valueOf('maxmemory') !== '0' && !['', 'noeviction'].includes(valueOf('maxmemory_policy'));
  if (!isEvicting) return ok('redis', found);
  return warn(
    'redis',
    `${found}, evicts keys (${valueOf('maxmemory_policy')})`,
    'give it room: evicted books are missing until they are published again',
  );
}

/** The Redis that a node starts: there while it runs. */
async function checkOwnRedis(port: number): Promise<Finding> {
  if (port === 0) return ok('redis', 'started by the node on any free port');
  const socket = createConnection({ port, host: '127.0.0.1', timeout: CHECK_TIMEOUT_MS });
  try {
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${CHECK_TIMEOUT_MS / 1_000} s`)));
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer.toString().startsWith('+PONG')) {
      return ok('redis', `a Redis answers on port ${port}: that of a running node, or another one`);
    }
    return warn(
      'redis',
      `port ${port} is taken by something that is no Redis`,
      'set redis.port; another free port is used otherwise',
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') {
      return ok('redis', `port ${port} is free, the node starts its own there`);
    }
    return warn(
      'redis',
      `port ${port}: ${reasonOf(error)}`,
      'set redis.port; another free port is used otherwise',
    );
  } finally {
    socket.destroy();
  }
}

/** `readFree` returns the free bytes of the file system that holds a folder. */
export async function checkDisk(
  settings: Settings,
  readFree: (folder: string) => Promise<number> = freeBytes,
): Promise<Finding[]> {
  const { dataDirectory } = settings.node;
  const folder = nearestFolder(resolve(dataDirectory));
  const isUsed = settings.postgres.url === '';
  try {
    await access(folder, constants.W_OK);
    const freeMebibytes = Math.floor((await readFree(folder)) / MEBIBYTE);
    const found = `${freeMebibytes.toLocaleString('en')} MiB free for ${dataDirectory}`;
    if (freeMebibytes >= FREE_WARN_MEBIBYTES) return [ok('disk', found)];
    const toDo = 'make room, or set node.dataDirectory to a larger disk';
    const isFatal = isUsed && freeMebibytes < FREE_FAIL_MEBIBYTES;
    return [isFatal ? fail('disk', found, toDo) : warn('disk', found, toDo)];
  } catch (error) {
    const toDo = 'let the user of the node write there, or set node.dataDirectory';
    return [isUsed ? fail('disk', reasonOf(error), toDo) : warn('disk', reasonOf(error), toDo)];
  }
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}
