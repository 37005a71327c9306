/** `tampines demo`: a node with embedded storage, three simulated exchanges and a dozen instruments, to look at. */
import { systemClock, systemTimers } from '../base/clock.ts';
import type { TampinesNode } from '../main.ts';
import { startNode } from '../main.ts';
import { loadSettings } from '../settings.ts';
import { createLogger } from './logger.ts';
import { formatMarketTable, readMarketRows } from './market-table.ts';
import { startSimulation } from './simulate.ts';
import { untilStopped } from './start.ts';

const TABLE_MS = 500;
/** Without a terminal, one line per instrument at this pace. */
const LINES_MS = 5_000;
/** How long the table waits for instruments to say where they go on. */
const RECOVERY_WAIT_MS = 5_000;
const RECOVERY_POLL_MS = 50;
const CURSOR_HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export async function demo(options: {
  seed: number;
  stepsPerSecond: number;
  set: readonly string[];
}): Promise<void> {
  const simulation = await startSimulation(options);
  const { settings, origins } = loadSettings({
    environment: process.env,
    assignments: [
      'node.dataDirectory=.tampines/demo',
      ...simulation.assignments,
      `instruments=${simulation.instruments.join(',')}`,
      ...options.set,
    ],
  });
  const isTerminal = process.stdout.isTTY && settings.log.format !== 'json';
  const log = await createLogger(settings.log, { node: settings.node.name, destination: 1 });
  let node: TampinesNode;
  try {
    node = await startNode({ settings, origins, log });
  } catch (error) {
    await simulation.close();
    throw error;
  }
  const stopped = Promise.race([untilStopped(), node.whenFenced]);
  // To see what the supervisor does (docs/tour.md); a node of `start` has no such switch.
  process.on('SIGUSR2', () => {
    for (const { instrument } of node.instruments.list()) {
      node.instruments.failNextDelivery(instrument.instrument, 'a fault of the drill');
    }
  });
  await Promise.race([untilRecovered(node), stopped]);
  // From here on the screen belongs to the table; warnings would tear it, so the log falls silent but for errors.
  if (isTerminal) log.level = 'error';
  const display = isTerminal ? showTable(node) : logRows(node, log);
  await stopped;
  display.stop();
  log.level = settings.log.level;
  log.info({}, 'shutting down');
  await node.stop();
  await simulation.close();
  log.info({}, 'stopped; start the demo again and it goes on from here');
}

/** Resolves when every instrument has logged where it goes on from. */
async function untilRecovered({ instruments }: TampinesNode): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + RECOVERY_WAIT_MS;
  const isUnderWay = (): boolean =>
    instruments.list().some(({ actorStatus }) => actorStatus === 'starting' || actorStatus === 'recovering');
  while (isUnderWay() && systemClock.monotonicMs() < deadlineMs) await systemTimers.sleep(RECOVERY_POLL_MS);
}

function showTable(node: TampinesNode): { stop(): void } {
  // The log so far scrolls out of the table's way and can still be read above it.
  process.stdout.write('\n'.repeat(process.stdout.rows));
  const redis = new URL(node.redisUrl);
  const footer = [
    '',
    `Look at it in a browser     ${node.adminUrl}/`,
    `REST and its documentation  ${node.adminUrl}/docs`,
    `Subscribe to any of it      npx tsx examples/redis-subscriber.ts ${node.redisUrl} ticker:binance:BTC-USDT`,
    `  by redis-cli              redis-cli -h ${redis.hostname} -p ${redis.port} SUBSCRIBE orderbook:kraken:ETH-USD:10 candle:cryptocom:SOL-USDT:1m`,
    'Ctrl-C ends it; the next start goes on from here.',
  ];
  const timer = systemTimers.every(
    TABLE_MS,
    () => {
      void readMarketRows(node.instruments).then((rows) => {
        const lines = [...formatMarketTable(rows), ...footer].map((line) => `${line}${CLEAR_LINE}`);
        process.stdout.write(`${CURSOR_HOME}${lines.join('\n')}\n${CLEAR_BELOW}`);
      });
    },
    0,
  );
  return { stop: () => timer.cancel() };
}

function logRows(node: TampinesNode, log: { info(fields: object, message: string): void }): { stop(): void } {
  const timer = systemTimers.every(
    LINES_MS,
    () => {
      void readMarketRows(node.instruments).then((rows) => {
        for (const row of rows) log.info(row, 'market');
      });
    },
    1_000,
  );
  return { stop: () => timer.cancel() };
}
