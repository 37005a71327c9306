/**
 * A Redis connection from its address:
 * `redis://user:password@host:6379/0` (`rediss://` with TLS), `redis://host1:6379,host2:6379` a Cluster by some of its nodes,
 * `redis-sentinel://host1:26379,host2:26379/master-name` a master that Sentinels know.
 */
import { Cluster, Redis } from 'ioredis';
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';

/** What the publisher asks of a connection: scripts, and whether it is up. One is made here, the simulation has another. */
export interface ScriptClient {
  /** `ready` while commands can be sent. */
  readonly status: string;
  readonly isCluster: boolean;
  evalsha(sha: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>;
  eval(lua: string, keyCount: number, ...keysAndArgs: (string | number)[]): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** `+node`, `-node`: the connection to one node of a Cluster began, or ended. */
  on(event: 'close' | 'ready' | 'end' | '+node' | '-node', listener: () => void): unknown;
  off(event: 'ready' | 'end', listener: () => void): unknown;
  disconnect(reconnect?: boolean): void;
}

export type RedisClient = Redis | Cluster;

export type RedisClientOptions = {
  readonly reconnect: BackoffPolicy;
  readonly random: RandomSource;
  readonly connectTimeoutMs: number;
  /** A command without an answer by then fails. */
  readonly commandTimeoutMs: number;
};

type Address = { readonly host: string; readonly port: number };

export type RedisAddress = {
  readonly kind: 'standalone' | 'cluster' | 'sentinel';
  readonly nodes: readonly Address[];
  readonly hasTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** Sentinel only. */
  readonly masterName: string;
};

const URL_FORM = /^(rediss?|redis-sentinel):\/\/(?:([^:@/]*)(?::([^@]*))?@)?([^/?]+)(?:\/([^?]*))?$/;

/**
 * Returns a client that connects at once and for ever, and never queues commands while it is away.
 * @throws TampinesError `SETTINGS_INVALID` when the address is not of a form above
 */
export function createRedisClient(url: string, options: RedisClientOptions): RedisClient {
  const address = parseRedisUrl(url);
  const retry = (attempt: number): number => backoffDelayMs(options.reconnect, attempt - 1, options.random);
  const common = {
    connectTimeout: options.connectTimeoutMs,
    commandTimeout: options.commandTimeoutMs,
    // What waits is held by the publisher, where newer values replace older ones.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.hasTls ? { tls: {} } : {}),
  };
  if (address.kind === 'cluster') {
    return new Cluster(
      address.nodes.map((node) => ({ ...node })),
      {
        redisOptions: common,
        clusterRetryStrategy: retry,
        enableOfflineQueue: false,
        // One key per call there; this puts the calls of one tick into one pipeline per node.
        enableAutoPipelining: true,
      },
    );
  }
  if (address.kind === 'sentinel') {
    return new Redis({
      ...common,
      sentinels: address.nodes.map((node) => ({ ...node })),
      name: address.masterName,
      db: address.database,
      retryStrategy: retry,
      sentinelRetryStrategy: retry,
    });
  }
  const [node] = address.nodes;
  return new Redis({ ...common, ...node, db: address.database, retryStrategy: retry });
}

/** Resolves when commands can be sent, or never will be again. */
export async function untilReady(client: ScriptClient): Promise<void> {
  if (client.status === 'ready') return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      client.off('ready', done);
      client.off('end', done);
      resolve();
    };
    client.on('ready', done);
    client.on('end', done);
  });
}

/** @throws TampinesError `SETTINGS_INVALID` */
export function parseRedisUrl(url: string): RedisAddress {
  const match = URL_FORM.exec(url);
  if (match === null)
    throw invalid(
      'expected redis://host:port, redis://host:port,host:port or redis-sentinel://host:port/name',
    );
  const [, scheme, username, password, hosts = '', path = ''] = match;
  const isSentinel = scheme === 'redis-sentinel';
  const nodes = hosts.split(',').map((host) => parseHost(host, isSentinel ? 26_379 : 6_379));
  if (isSentinel ? path === '' : !/^\d*$/.test(path)) {
    throw invalid(isSentinel ? 'the name of the master is missing' : 'the database must be a number');
  }
  return {
    kind: isSentinel ? 'sentinel' : nodes.length > 1 ? 'cluster' : 'standalone',
    nodes,
    hasTls: scheme === 'rediss',
    username: username === undefined || username === '' ? undefined : decode(username),
    password: password === undefined ? undefined : decode(password),
    database: isSentinel || path === '' ? 0 : Number(path),
    masterName: isSentinel ? path : '',
  };
}

function parseHost(text: string, defaultPort: number): Address {
  const match = /^(\[[^\]]+\]|[^:@]+)(?::(\d{1,5}))?$/.exec(text.trim());
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  // What is taken for a host may be the end of a password that was not encoded.
  if (match === null || port > 65_535) {
    throw invalid("a host is not host:port; '@', ':' and '/' of a password are written %40, %3A and %2F");
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("'%' of a user name or password is written %25");
  }
}

/** Leaves the address out of the message: it holds a password. */
function invalid(what: string): TampinesError {
  return new TampinesError('SETTINGS_INVALID', `redis.url is not valid: ${what}`);
}
