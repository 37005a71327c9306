/** A throw-away Redis that keeps nothing on disk. */
import { Redis } from 'ioredis';
import { findOrInstall } from './find-program.mjs';
import { createFolder, startServer } from './server-process.mjs';

/** @param {{ isDetached?: boolean }} options `isDetached`: as for `launch` */
export async function startRedis({ isDetached = false } = {}) {
  const program = findRedis();
  const folder = createFolder('redis');
  const server = await startServer({
    name: 'Redis',
    program,
    folder,
    isDetached,
    stopSignal: 'SIGTERM',
    arguments: (port) => [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ],
    probe: (port) => redisVersion(urlOf(port)),
  });
  return { ...server, url: urlOf(server.port) };
}

/** @returns {Promise<string>} the version of the server at `url`, which proves that it answers */
export async function redisVersion(url) {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 10_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // Failures are reported by the call itself.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return /redis_version:(\S+)/.exec(await client.info('server'))?.[1] ?? 'unknown';
  } finally {
    client.disconnect();
  }
}

/** @returns {string} path of the server program */
export function findRedis() {
  return findOrInstall({
    program: 'redis-server',
    debianPackage: 'redis-server',
    folders: ['/usr/local/bin', '/opt/homebrew/bin'],
    variable: 'TEST_REDIS_URL',
  });
}

function urlOf(port) {
  return `redis://127.0.0.1:${port}`;
}
