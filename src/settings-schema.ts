/**
 * Every setting: its meaning, default and range; `settings.ts` reads them.
 * A setting `admin.port` is `TAMPINES_ADMIN_PORT` in the environment and `--set admin.port=…` on the command line.
 */
import { z } from 'zod';

const CANDLE_INTERVALS = [
  '1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '12h', '1d', '1w', '1M',
] as const; // prettier-ignore

const positive = z.number().int().positive();
const notNegative = z.number().int().nonnegative();
const MEBIBYTE = 1024 * 1024;
const exchangeName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/);

/** Text that is empty or begins as an address of these schemes; the message never quotes it, for an address may hold a password. */
const addressOf = (...schemes: readonly string[]) =>
  z
    .string()
    .refine((text) => text === '' || schemes.some((scheme) => text.startsWith(`${scheme}://`)), {
      error: `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    })
    .default('');

const brokerList = z.array(z.string().regex(/^[^\s:,]+:\d{1,5}$/, 'must be host:port')).default([]);

const exchangeSettings = z.strictObject({
  /** Address of the exchange's WebSocket service; empty: the exchange's own. */
  wsUrl: addressOf('wss', 'ws'),
  /** Address of its REST service; empty: the exchange's own. */
  restUrl: addressOf('https', 'http'),
  /** Levels per side to subscribe to where the exchange offers a choice; 0: the adapter's choice. */
  depth: notNegative.default(0),
});

export const settingsSchema = z.strictObject({
  node: z.strictObject({
    /** Name of this node in logs and as owner of shards. */
    name: z.string().min(1).max(80).default('tampines-1'),
    /** What it does in a cluster (where `kafka.brokers` is set): feeds the log, runs instruments, or neither. Every node serves REST and viewers. */
    roles: z
      .array(z.enum(['ingest', 'compute', 'admin']))
      .min(1)
      .default(['ingest', 'compute', 'admin']),
    /** Where other nodes reach its admin REST, `http://host:port`; empty: `admin.host` and the port that it listens on. */
    advertisedUrl: addressOf('http', 'https'),
    /** Folder of everything that embedded storage keeps. */
    dataDirectory: z.string().min(1).default('.tampines'),
    /** How long this node takes for granted that it owns its instruments, without the database confirming it. */
    leaseMs: positive.min(300).max(600_000).default(10_000),
    /** How long the event loop may be blocked before the process ends itself, to be started again; 0: for ever. */
    blockedMaxMs: notNegative.max(3_600_000).default(60_000),
  }),
  postgres: z.strictObject({
    /** Secret. `postgres://…`; empty: embedded Postgres in the data directory. */
    url: addressOf('postgres', 'postgresql'),
    /** Schema that holds all tables; several independent systems may share one database. */
    schema: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,50}$/)
      .default('tampines'),
  }),
  redis: z.strictObject({
    /** Secret. `redis://…`; several `host:port` parts separated by commas name a Cluster. Empty: started here. */
    url: z.string().default(''),
    /** Port of the Redis that is started here (`redis-server` from PATH, else the embedded server); 0: any free one. */
    port: z.number().int().min(0).max(65_535).default(6380),
  }),
  /** The log of events that nodes of a cluster share. */
  kafka: z.strictObject({
    /** `host:port` of some brokers of one Kafka; empty: none. */
    brokers: brokerList,
    /** What names of topics and of the group begin with; several independent systems may share one Kafka. */
    topicPrefix: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,99}$/)
      .default('tampines'),
    /** Partitions of the topic of events, each a shard; once there are events only `tampines log repartition` changes them. */
    partitions: positive.max(1_024).default(16),
    /** Brokers that have each batch. */
    replicationFactor: positive.max(16).default(3),
    /** How long batches are kept: longer than a node may ever be away. */
    retentionMs: positive.default(86_400_000),
    /** How long a batch waits for others to share its request. */
    lingerMs: notNegative.max(1_000).default(5),
    /** How long a node may be silent before its shards go to others; brokers refuse less than 6 s unless told. */
    sessionTimeoutMs: positive.min(1_000).max(300_000).default(10_000),
    /** How often a node tells the group that it lives. */
    heartbeatMs: positive.min(100).max(60_000).default(500),
    /** Of all connections to brokers, those of `outputs.kafka` too. */
    tls: z.strictObject({
      /** `off`, or `on`: brokers must show a certificate that is trusted and bears their name. */
      mode: z.enum(['off', 'on']).default('off'),
      /** PEM file of the authorities that are trusted; empty: those that Node.js trusts. */
      caFile: z.string().default(''),
      /** PEM files by which this node shows who it is, where brokers ask for it; empty: none. */
      certificateFile: z.string().default(''),
      keyFile: z.string().default(''),
    }),
    sasl: z.strictObject({
      mechanism: z.enum(['none', 'plain', 'scram-sha-256', 'scram-sha-512']).default('none'),
      username: z.string().default(''),
      /** Secret. */
      password: z.string().default(''),
    }),
  }),
  /** What goes to others beside Redis and the tables. */
  outputs: z.strictObject({
    kafka: z.strictObject({
      /** What is written to topics; empty: nothing. */
      topics: z.array(z.enum(['candles', 'tickers', 'trades', 'supervision', 'deadLetters'])).default([]),
      /** `host:port` of some brokers; empty: those of `kafka.brokers`. A node on its own sets these and not those. */
      brokers: brokerList,
    }),
  }),
  admin: z.strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(8080),
    /** Secret. Bearer token for anything that changes something; empty: changes are allowed from loopback only. */
    token: z.string().default(''),
    /** Secret. `name:token` each; the audit says whose token changed something. */
    tokens: z
      .array(
        z.string().regex(/^[\w.-]{1,40}:[\x21-\x2b\x2d-\x7e]{16,200}$/, {
          error: 'must be name:token, the token of 16 to 200 printable characters',
        }),
      )
      .default([]),
  }),
  gateway: z.strictObject({
    /** Origins of web pages that may read the stream beside the node's own; `*`: any. */
    allowedOrigins: z
      .array(z.string().regex(/^(\*|https?:\/\/[^\s/,]+)$/, 'must be * or like https://example.org'))
      .max(100)
      .default([]),
  }),
  log: z.strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    /** `auto`: pretty on a terminal, JSON otherwise. */
    format: z.enum(['auto', 'pretty', 'json']).default('auto'),
  }),
  /** `<exchange>:<symbol>`, spawned at start beside those that REST has added. */
  instruments: z.array(z.string().regex(/^[a-z0-9-]+:[^\s:]+$/)).default([]),
  /** Per exchange: other addresses or depth. */
  exchanges: z.record(exchangeName, exchangeSettings).default({}),
  publish: z.strictObject({
    bookIntervalMs: positive.min(10).max(60_000).default(100),
    tickerIntervalMs: positive.min(100).max(60_000).default(1_000),
    candleIntervalMs: positive.min(100).max(60_000).default(1_000),
    /** Book resolutions in multiples of the tick size. */
    bookResolutions: z.array(positive.max(1_000_000)).min(1).max(16).default([1, 5, 10, 100]),
    /** Levels per side in a published book. */
    bookDepth: positive.max(5_000).default(50),
    /** Life of a key that is no longer refreshed. */
    keyTtlMs: positive.min(1_000).default(60_000),
    /** How long an instrument may be held up before what it published of its book is marked stale. */
    staleAfterMs: positive.min(100).max(60_000).default(3_000),
    /** What keys name instruments by: `exchange:symbol`, or the number that an instrument is assigned once. */
    naming: z.enum(['names', 'ids']).default('names'),
    /** Entries kept per Redis stream, about, for readers who must not miss; 0: no streams. */
    streamMaxLength: notNegative.max(1_000_000).default(0),
    /** Closed candles kept per list in Redis. */
    closedCandles: positive.max(100_000).default(500),
  }),
  candles: z.strictObject({
    intervals: z
      .array(z.enum(CANDLE_INTERVALS))
      .min(1)
      .default([...CANDLE_INTERVALS]),
    /** How far the watermark runs behind the highest event time. */
    outOfOrdernessMs: notNegative.max(3_600_000).default(5_000),
    /** How long a closed candle may still be revised by a late trade. */
    allowedLatenessMs: notNegative.max(86_400_000).default(60_000),
    /** What is emitted for an interval without trades. */
    emptyIntervals: z.enum(['carry', 'skip', 'mark']).default('carry'),
  }),
  checkpoint: z.strictObject({
    /** How often the state of changed instruments is saved; where nothing but time passed, ten times less often. */
    everyMs: positive.min(100).default(60_000),
    /** Entries folded after which an instrument is checkpointed before its time. */
    everyEntries: positive.default(50_000),
  }),
  feed: z.strictObject({
    /** Into how many parts the instruments of an exchange are divided for the nodes of a cluster to feed. */
    slots: positive.max(1_024).default(8),
    /** By how many nodes of a cluster each instrument is fed at once: with 2 the loss of one costs no gap. */
    redundancy: positive.max(2).default(1),
    /** Time entries for quiet instruments, so that candles close and windows move on without trades. */
    heartbeatMs: positive.min(100).max(60_000).default(1_000),
    /** Within how long it is entered where it brings nothing but empty candles, spread evenly over the quiet instruments of a connection. */
    emptyHeartbeatMs: positive.min(100).max(60_000).default(10_000),
    /** Book events of one instrument that may wait for its actor before the book falls back to a fresh snapshot; events of all kinds before most of
     *  the connection's instruments being behind stops its socket. */
    maxPendingEvents: positive.min(100).default(20_000),
    /** The same, in bytes of memory. */
    maxPendingBytes: positive.min(100_000).default(16 * MEBIBYTE),
    /** Bytes of one instrument that may wait, trades too, before its socket stops although the others on it are quick. */
    maxPendingTradeBytes: positive.min(100_000).default(32 * MEBIBYTE),
    /** Bytes of the whole node that may wait between sockets and symbol actors before the fullest connections stop. */
    maxPendingNodeBytes: positive.min(1_000_000).default(256 * MEBIBYTE),
    /** An event whose time is further ahead of our clock is refused. */
    maxFutureMs: positive.default(60_000),
  }),
  supervision: z.strictObject({
    restartInitialMs: positive.default(100),
    restartMaxMs: positive.default(30_000),
    /** Restarts within `restartWindowMs` after which an instrument is parked. */
    maxRestarts: positive.default(10),
    restartWindowMs: positive.default(300_000),
  }),
  shutdown: z.strictObject({
    /** Deadline of the whole ordered shutdown. */
    deadlineMs: positive.default(4_500),
  }),
});

export type Settings = z.output<typeof settingsSchema>;
