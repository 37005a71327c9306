/**
 * What `npm run cluster` runs: Kafka, Postgres, Redis, three simulated exchanges and three nodes on this machine, and a table of who owns what. Kill a
 * node and watch its shards move; it is started again after a while. Everything is gone when it ends.
 */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildDashboard, isBuiltFrom } from './build-dashboard.mjs';
import { startKafka } from './services/kafka.mjs';
import { startPostgres } from './services/postgres.mjs';
import { startRedis } from './services/redis.mjs';
import { createFolder, freePort } from './services/server-process.mjs';

const root = join(import.meta.dirname, '..');
const program = join(root, 'dist/cli/tampines.js');
const PROGRAM_SOURCES = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const SERVICES = { Kafka: startKafka, Postgres: startPostgres, Redis: startRedis };
const NODE_NAMES = ['node-1', 'node-2', 'node-3'];
const START_AGAIN_MS = 15_000;
const LOOK_EVERY_MS = 1_000;
const STOP_WITHIN_MS = 10_000;
const LOG_TAIL_LINES = 5;
/** Title and least width of each column: lines that are written at different times line up. */
const COLUMNS = [
  ['NODE', 6],
  ['STATE', 8],
  ['PROCESS', 7],
  ['SHARDS', 12],
  ['INSTRUMENTS', 11],
  ['LAG', 3],
  ['FEEDS', 8],
];

const closers = [];
const nodes = [];
let starting;
let isStopping = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stop(0));
try {
  await run();
} catch (error) {
  // What was interrupted by the signal that ends all of it is no failure.
  if (!isStopping) console.error(error instanceof Error ? error.message : error);
  await stop(1);
}

async function run() {
  await buildWhereOld();
  const services = {};
  for (const [name, start] of Object.entries(SERVICES)) {
    if (isStopping) return;
    starting = provide(name, start);
    services[name] = await starting;
  }
  if (isStopping) return;
  const { startSimulation } = await import(program.replace('tampines.js', 'simulate.js'));
  const simulation = await startSimulation({ seed: 1, stepsPerSecond: 10 });
  closers.push(() => simulation.close());
  console.log('▸ three simulated exchanges');
  const logFolder = createFolder('cluster');
  closers.push(async () => rmSync(logFolder, { recursive: true, force: true }));
  const surroundings = { services, simulation };
  for (const name of NODE_NAMES) {
    const port = await freePort();
    if (isStopping) return;
    const node = { name, port, logFile: join(logFolder, `${name}.log`), child: undefined, wasAlive: false };
    nodes.push(node);
    startNode(node, surroundings);
  }
  await (process.stdout.isTTY ? showInPlace(surroundings) : tellChanges(surroundings));
}

/** Leaves alone what is as new as its sources: another cluster may be running from it. */
async function buildWhereOld() {
  if (!isBuiltFrom(program, PROGRAM_SOURCES)) {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'inherit' });
  }
  await buildDashboard();
}

async function provide(name, start) {
  const startedAt = performance.now();
  const server = await start({ isDetached: true });
  closers.push(() => server.stop());
  console.log(
    `▸ ${name} ${server.version} on port ${server.port}, ready in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`,
  );
  return server;
}

/** Without a token, for changes from this machine are taken, and the nodes ask one another from it too. */
function startNode(node, { services, simulation }) {
  const assignments = [
    `node.name=${node.name}`,
    `admin.port=${node.port}`,
    `kafka.brokers=${services.Kafka.url}`,
    'kafka.replicationFactor=1',
    'kafka.partitions=12',
    'kafka.sessionTimeoutMs=6000',
    'node.leaseMs=3000',
    ...simulation.assignments,
    `instruments=${simulation.instruments.join(',')}`,
  ];
  const log = openSync(node.logFile, 'a');
  const child = spawn(
    process.execPath,
    [
      program,
      'start',
      ...['--config', join(root, 'config/cluster.yaml')],
      ...assignments.flatMap((each) => ['--set', each]),
    ],
    {
      stdio: ['ignore', log, log],
      // A Ctrl-C comes from us alone: a second signal is "at once" to a node.
      detached: true,
      env: {
        ...process.env,
        TAMPINES_POSTGRES_URL: services.Postgres.url,
        TAMPINES_REDIS_URL: services.Redis.url,
      },
    },
  );
  closeSync(log);
  node.child = child;
  node.wasAlive = false;
  child.on('exit', (code, signal) => {
    node.child = undefined;
    if (isStopping) return;
    node.startAgainAt = Date.now() + START_AGAIN_MS;
    setTimeout(() => isStopping || startNode(node, { services, simulation }), START_AGAIN_MS);
    if (code !== 0 && signal === null) console.error(`${node.name} ended with ${code}:\n${endOfLog(node)}`);
  });
}

function endOfLog({ logFile }) {
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}

async function showInPlace(surroundings) {
  for (;;) {
    const rows = await look();
    if (isStopping) return;
    process.stdout.write(`\u001b[2J\u001b[H${[...table(rows), '', ...hints(surroundings)].join('\n')}\n`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** For a file or a pipe: what can be done, once, then each node of which something is new. */
async function tellChanges(surroundings) {
  console.log(['', ...hints(surroundings), ''].join('\n'));
  const told = new Map();
  for (;;) {
    // The seconds are others at each look, and so is the lag: no news.
    const rows = (await look()).map((row) => ({ ...row, secondsLeft: undefined }));
    if (isStopping) return;
    const [titles, ...lines] = table(rows);
    if (told.size === 0) console.log(`TIME (UTC)  ${titles}`);
    for (const [index, row] of rows.entries()) {
      const news = JSON.stringify({ ...row, lag: undefined });
      if (told.get(row.name) === news) continue;
      told.set(row.name, news);
      console.log(`${new Date().toISOString().slice(11, 19)}    ${lines[index]}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** Returns what is known of each node. Of what they own nothing is, while none of them answers. */
async function look() {
  const cluster = (await askAny('/v1/cluster')) ?? { nodes: [], shards: [], leases: [] };
  return nodes.map((node) => {
    const { name, child } = node;
    const known = cluster.nodes.find((each) => each.name === name && each.isAlive);
    if (child !== undefined && known !== undefined) node.wasAlive = true;
    return {
      name,
      state: child === undefined ? 'gone' : known ? 'alive' : node.wasAlive ? 'silent' : 'starting',
      secondsLeft: child === undefined ? Math.ceil((node.startAgainAt - Date.now()) / 1_000) : undefined,
      process: child?.pid,
      shards: cluster.shards.filter(({ owner }) => owner === name).map(({ shard }) => shard),
      instruments: known?.report.instruments,
      lag: known?.report.lag,
      feeds:
        known &&
        `${cluster.leases.filter(({ holder }) => holder === name).length} of ${cluster.leases.length}`,
    };
  });
}

function hints({ services }) {
  const { port, logFile } = nodes[0];
  const url = `http://127.0.0.1:${port}`;
  return [
    `Look at it in a browser     ${url}/`,
    `REST of any node            ${url}/v1/instruments   (its documentation: /docs)`,
    `Who owns what               npx tampines cluster --url ${url}`,
    `Subscribe to any of it      npx tsx examples/redis-subscriber.ts redis://127.0.0.1:${services.Redis.port} ticker:binance:BTC-USDT`,
    `  by redis-cli              redis-cli -p ${services.Redis.port} SUBSCRIBE orderbook:kraken:ETH-USD:10`,
    `Kill a node, see it move    kill -9 ${nodes.find(({ child }) => child !== undefined)?.child.pid ?? 'PROCESS'}`,
    `What a node logs            tail -f ${logFile}`,
    'Ctrl-C ends it all, and nothing is kept.',
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

function table(rows) {
  const cells = rows.map((row) => [
    row.name,
    row.secondsLeft === undefined ? row.state : `${row.state}, back in ${row.secondsLeft} s`,
    ...[row.process, row.shards.join(' ') || undefined, row.instruments, row.lag, row.feeds].map((each) =>
      String(each ?? '-'),
    ),
  ]);
  const lines = [COLUMNS.map(([title]) => title), ...cells];
  const widths = COLUMNS.map(([, least], column) =>
    Math.max(least, ...lines.map((line) => line[column].length)),
  );
  return lines.map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column] + 2))
      .join('')
      .trimEnd(),
  );
}

/** Nodes first, while what they save to is still there. */
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
  // What is just starting can be ended when it has started, or has failed by itself.
  await starting?.catch(() => undefined);
  for (const close of closers.reverse()) await close().catch((error) => console.error(error.message));
  process.exit(code);
}
