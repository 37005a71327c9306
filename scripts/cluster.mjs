/**
 * What `npm run cluster` runs: Kafka, Postgres, Redis, three simulated exchanges and three nodes on this machine, and a table of who owns what. Kill a
 * node and watch its shards move; it is started again after a while. Everything is gone when it ends.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKafka } from './services/kafka.mjs';
import { startPostgres } from './services/postgres.mjs';
import { startRedis } from './services/redis.mjs';
import { freePort } from './services/server-process.mjs';

const root = join(import.meta.dirname, '..');
const program = join(root, 'dist/cli/tampines.js');
const NODE_NAMES = ['node-1', 'node-2', 'node-3'];
const START_AGAIN_MS = 15_000;
const SHOW_EVERY_MS = 1_000;
const LINES_EVERY_MS = 5_000;
const STOP_WITHIN_MS = 10_000;
const LOG_TAIL_LINES = 5;

const token = randomBytes(12).toString('hex');
const closers = [];
const nodes = [];
let isStopping = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(0));
try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await stop(1);
}

async function run() {
  const services = {
    kafka: await provide('Kafka', startKafka),
    postgres: await provide('Postgres', startPostgres),
    redis: await provide('Redis', startRedis),
  };
  const { startSimulation } = await import(join(root, 'dist/cli/simulate.js'));
  const simulation = await startSimulation({ seed: 1, stepsPerSecond: 10 });
  closers.push(() => simulation.close());
  console.log('▸ three simulated exchanges');
  for (const name of NODE_NAMES) {
    const node = { name, port: await freePort(), child: undefined, tail: [], startAgainAt: undefined };
    nodes.push(node);
    startNode(node, { services, simulation });
  }
  await show({ services, simulation });
}

async function provide(name, start) {
  const startedAt = performance.now();
  const server = await start();
  closers.push(() => server.stop());
  console.log(
    `▸ ${name} ${server.version} on port ${server.port}, ready in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`,
  );
  return server;
}

function startNode(node, { services, simulation }) {
  const assignments = [
    `node.name=${node.name}`,
    `admin.port=${node.port}`,
    `kafka.brokers=${services.kafka.url}`,
    'kafka.replicationFactor=1',
    'kafka.partitions=12',
    'kafka.sessionTimeoutMs=6000',
    'node.leaseMs=3000',
    ...simulation.assignments,
    `instruments=${simulation.instruments.join(',')}`,
  ];
  const child = spawn(
    process.execPath,
    [
      program,
      'start',
      ...['--config', join(root, 'config/cluster.yaml')],
      ...assignments.flatMap((each) => ['--set', each]),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        TAMPINES_POSTGRES_URL: services.postgres.url,
        TAMPINES_REDIS_URL: services.redis.url,
        TAMPINES_ADMIN_TOKEN: token,
      },
    },
  );
  node.child = child;
  node.startAgainAt = undefined;
  const keep = (chunk) => {
    node.tail = [...node.tail, ...chunk.toString('utf8').split('\n')].filter(Boolean).slice(-LOG_TAIL_LINES);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('exit', (code, signal) => {
    node.child = undefined;
    if (isStopping) return;
    node.startAgainAt = Date.now() + START_AGAIN_MS;
    if (code !== 0 && signal === null)
      console.error(`${node.name} ended with ${code}:\n${node.tail.join('\n')}`);
  });
}

async function show(surroundings) {
  const isTerminal = process.stdout.isTTY === true;
  while (!isStopping) {
    for (const node of nodes) {
      if (node.child === undefined && Date.now() >= node.startAgainAt) startNode(node, surroundings);
    }
    const lines = await describe(surroundings.services);
    if (isTerminal) process.stdout.write(`\u001b[2J\u001b[H${lines.join('\n')}\n`);
    else console.log(lines.join('\n'));
    await sleep(isTerminal ? SHOW_EVERY_MS : LINES_EVERY_MS);
  }
}

async function describe({ redis }) {
  const cluster = await askAny('/v1/cluster');
  if (cluster === undefined) return ['The nodes are starting …'];
  const rows = nodes.map((node) => {
    const known = cluster.nodes.find(({ name }) => name === node.name);
    const shards = cluster.shards.filter(({ owner }) => owner === node.name).map(({ shard }) => shard);
    const feeds = cluster.leases.filter(({ holder }) => holder === node.name).length;
    const secondsLeft = Math.ceil(((node.startAgainAt ?? 0) - Date.now()) / 1_000);
    const state =
      node.child === undefined ? `gone, back in ${secondsLeft} s` : known?.isAlive ? 'alive' : 'starting';
    return [
      node.name,
      state,
      node.child === undefined ? '-' : String(node.child.pid),
      shards.join(' ') || '-',
      String(known?.isAlive ? (known.report?.instruments ?? '-') : '-'),
      String(known?.isAlive ? (known.report?.lag ?? '-') : '-'),
      `${feeds} of ${cluster.leases.length}`,
    ];
  });
  const alive = nodes.find(({ child }) => child !== undefined);
  return [
    ...table(['NODE', 'STATE', 'PROCESS', 'SHARDS', 'INSTRUMENTS', 'LAG', 'FEEDS'], rows),
    '',
    `REST of any node            http://127.0.0.1:${alive?.port}/v1/instruments   (its documentation: /docs)`,
    `Who owns what               npx tampines cluster --url http://127.0.0.1:${alive?.port}`,
    `Subscribe to any of it      redis-cli -p ${redis.port} SUBSCRIBE ticker:binance:BTC-USDT orderbook:kraken:ETH-USD:10`,
    `Kill a node, see it move    kill -9 ${nodes.find(({ child }) => child !== undefined)?.child.pid}`,
    'Ctrl-C ends it all.',
  ];
}

async function askAny(path) {
  for (const { child, port } of nodes) {
    if (child === undefined) continue;
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1_000) });
      if (answer.ok) return await answer.json();
    } catch {
      // Starting, or just killed: another one is asked.
    }
  }
  return undefined;
}

function table(titles, rows) {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length)),
  );
  return [titles, ...rows].map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] + 2))
      .join('')
      .trimEnd(),
  );
}

async function stop(code) {
  if (isStopping) return;
  isStopping = true;
  console.log('\n▸ stopping');
  await Promise.all(
    nodes.map(async ({ child }) => {
      if (child === undefined) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([ended, sleep(STOP_WITHIN_MS)]);
      child.kill('SIGKILL');
    }),
  );
  for (const close of closers.reverse()) await close().catch((error) => console.error(error.message));
  process.exit(code);
}
