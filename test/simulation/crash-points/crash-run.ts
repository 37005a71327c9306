/** One recording played to its end by as many lives as it takes, each killed where it is told to be, and what is left behind: bytes to compare. */
import { createHash } from 'node:crypto';
import { FaultSwitches } from '../faults/fault-switches.ts';
import { History } from '../history.ts';
import { PostgresServer } from '../models/postgres-server.ts';
import { RedisModel } from '../models/redis-model.ts';
import { Process, World } from '../world/world.ts';
import { CrashPoints } from './crash-points.ts';
import type { RecordedMarket } from './recorded-market.ts';
import type { RecordedInstrument } from './recorded-node.ts';
import { RecordedNode } from './recorded-node.ts';

export type CrashRun = {
  /** Crash points that each life reached, in order of the lives. */
  readonly reachedCounts: readonly number[];
  /** How many of them the last life had reached when it had recovered. */
  readonly recoveryPoints: number;
  /** What each killed life had done last. */
  readonly killedWhere: readonly string[];
  readonly outcome: Outcome;
};

/** Everything that outlives a process, without what names the life that wrote it. */
export type Outcome = {
  readonly states: Readonly<Record<string, string>>;
  readonly trades: readonly string[];
  readonly candles: readonly string[];
  /** Documents in Redis by key, closed candles too. */
  readonly published: Readonly<Record<string, unknown>>;
  readonly uncaught: readonly string[];
};

const SCHEMA = 'tampines';
const LIFE_MAX_MS = 60_000;
/** A process takes a moment to start, and what its predecessor had sent is done meanwhile: a claim too, which would fence the newcomer. */
const RESTART_MS = 30;
/** After the last event is durable: everything due is published, also of what recovered and whose feed says nothing more. */
const SETTLE_MS = 7_000;

/** @param kills crash point at which each life ends, in order; the life after the last one lives on to the end */
export async function runWithCrashes(
  recording: RecordedMarket,
  seed: number,
  kills: readonly number[],
): Promise<CrashRun> {
  const world = new World(seed);
  const history = new History();
  const faults = new FaultSwitches(world.stream('switches'));
  const redis = new RedisModel(world, history);
  const postgres = new PostgresServer({ clock: world.clockOf(world.nature), history, schema: SCHEMA });
  const reachedCounts: number[] = [];
  const killedWhere: string[] = [];
  for (const killAt of [...kills, 0]) {
    const process = new Process(`life-${reachedCounts.length + 1}`);
    const points = new CrashPoints({
      world,
      process,
      killAt,
      onKilled: (where) => {
        killedWhere.push(where);
        redis.clients.clear();
      },
    });
    const node = new RecordedNode({
      world,
      process,
      points,
      postgres,
      redis,
      faults,
      schema: SCHEMA,
      ...recording,
    });
    await world.run(
      world.elapsedMs + LIFE_MAX_MS,
      () => process.isDead || node.isDone || node.failure !== undefined,
    );
    if (node.failure !== undefined) throw new Error('A life could not start', { cause: node.failure });
    reachedCounts.push(points.reachedCount);
    if (process.isDead) {
      await world.run(world.elapsedMs + RESTART_MS);
      continue;
    }
    if (!node.isDone) throw new Error(`Life ${reachedCounts.length} did not come to its end`);
    await world.run(world.elapsedMs + SETTLE_MS);
    const outcome = await readOutcome({ world, node, postgres, redis, instruments: recording.instruments });
    return { reachedCounts, recoveryPoints: node.recoveredAtPoint ?? 0, killedWhere, outcome };
  }
  throw new Error('The last life was killed, which nobody meant');
}

async function readOutcome(parts: {
  world: World;
  node: RecordedNode;
  postgres: PostgresServer;
  redis: RedisModel;
  instruments: readonly RecordedInstrument[];
}): Promise<Outcome> {
  const { world, node, postgres, redis, instruments } = parts;
  const states: Record<string, string> = {};
  for (const { instrument } of instruments) {
    let bytes: Uint8Array | undefined;
    void node.readState(instrument).then((read) => (bytes = read));
    await world.run(world.elapsedMs + SETTLE_MS, () => bytes !== undefined);
    states[instrument] = createHash('sha256').update(bytes!).digest('hex');
  }
  const { trades, candles } = postgres.tables;
  // Which instrument gets which number is chance; once given it stays.
  const keys = new Map(Array.from(postgres.tables.instruments.values(), ({ id, key }) => [id, key]));
  return {
    states,
    trades: texts(trades.values(), keys),
    candles: texts(candles.values(), keys),
    published: Object.fromEntries(
      redis
        .keys()
        .sort()
        .map((key) => [key, redis.values(key).map(withoutLife)]),
    ),
    uncaught: world.uncaught.map(({ error }) => String(error)),
  };
}

function texts(
  rows: Iterable<{ readonly instrumentId: number }>,
  keys: ReadonlyMap<number, string>,
): string[] {
  return Array.from(rows, ({ instrumentId, ...row }) =>
    JSON.stringify({ instrument: keys.get(instrumentId), ...row }),
  ).sort();
}

/** When and by whom it was said. The head of a closed candle keeps its place in the log: that is the candle's own. */
const HEAD = new Set(['epoch', 'publishTimeMs', 'status', 'reason']);
const HEAD_OF_NEWEST = new Set([...HEAD, 'seq', 'eventTimeMs', 'receiveTimeMs']);

/** The document without what tells lives apart: a value that did not change is not published again, and keeps the head it was published with. */
function withoutLife(text: string): unknown {
  const document = JSON.parse(text) as Record<string, unknown>;
  const head = document['isClosed'] === true ? HEAD : HEAD_OF_NEWEST;
  return Object.fromEntries(Object.entries(document).filter(([field]) => !head.has(field)));
}
