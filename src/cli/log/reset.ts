/** `tampines log reset`: instruments of a stopped cluster read the log again from a state of before on. */
import { once } from 'node:events';
import { TampinesError } from '../../base/errors.ts';
import { logCodec } from '../../codec/log-codec.ts';
import type { LogResetEdges, LogResetPlan } from '../../cluster/log-reset.ts';
import { planLogReset, resetLog } from '../../cluster/log-reset.ts';
import type { ClosedCandleLists, ResetTarget } from '../../cluster/ports.ts';
import type { CandlePolicy } from '../../market/candle.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import type { InstrumentIds } from '../../persistence/instrument-ids.ts';
import { PostgresLogResets } from '../../persistence/log-resets.ts';
import { trimClosedCandles } from '../../publishing/closed-candle-trim.ts';
import { createRedisClient } from '../../publishing/redis-client.ts';
import type { Settings } from '../../settings-schema.ts';
import { loadSettings } from '../../settings.ts';
import type { Screen } from '../operator/screen.ts';
import { writeJson, writeLines } from '../operator/screen.ts';
import { toCommandFailure, withStoppedLog } from './stopped-log.ts';

export type ResetOptions = {
  readonly screen: Screen;
  readonly isJson: boolean;
  /** Only says what would be done. */
  readonly isDryRun: boolean;
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly target: ResetTarget;
  /** `undefined`: all that are wanted and have a state. */
  readonly instruments: readonly InstrumentKey[] | undefined;
};

/** The document of `--json`. */
type Outcome = {
  readonly isDone: boolean;
  readonly instruments: readonly {
    readonly instrument: InstrumentKey;
    /** Of the state it goes on from; `null`: from none, with the beginning of its log. */
    readonly batchNumber: number | null;
    readonly savedAtMs: number | null;
  }[];
  /** Of all instruments of the shards, counted together. */
  readonly recordsToRead: number;
  /** What says that nodes are at work. */
  readonly running: readonly string[];
};

const REDIS_TIMEOUT_MS = 5_000;

/** @throws CommandFailure with what is wrong */
export async function reset(options: ResetOptions): Promise<void> {
  const { config, environment, set, isJson } = options;
  await toCommandFailure(isJson, async () => {
    const { settings } = loadSettings({ file: config, environment, assignments: set });
    await withStoppedLog(settings, ({ storage: { database, ids }, moves, topics }) => {
      const store = new PostgresLogResets({ database, ids, codec: logCodec, moves });
      const lists = closedCandleLists(settings, ids);
      return resetBy({ store, topics, lists }, { ...options, policy: settings.candles });
    });
  });
}

/** @throws TampinesError of `planLogReset` and `resetLog` */
export async function resetBy(
  edges: LogResetEdges,
  options: Pick<ResetOptions, 'screen' | 'isJson' | 'isDryRun' | 'target' | 'instruments'> & {
    readonly policy: CandlePolicy;
  },
): Promise<void> {
  const { screen, isJson, isDryRun } = options;
  const plan = await planLogReset(edges, options);
  const running = await edges.store.findRunning();
  if (!isDryRun) await resetLog(edges, plan);
  const outcome = toOutcome(plan, { running, isDone: !isDryRun });
  if (isJson) writeJson(screen, outcome);
  else writeLines(screen, describe(outcome));
}

function toOutcome({ resets, ranges }: LogResetPlan, said: Pick<Outcome, 'running' | 'isDone'>): Outcome {
  return {
    ...said,
    instruments: resets.map(({ instrument, hasState, place, savedAtMs }) => ({
      instrument,
      batchNumber: hasState ? place : null,
      savedAtMs: savedAtMs ?? null,
    })),
    recordsToRead: ranges.reduce((sum, { fromPlace, endPlace }) => sum + endPlace - fromPlace, 0),
  };
}

function describe({ isDone, instruments, recordsToRead, running }: Outcome): string[] {
  const lines = instruments.map(({ instrument, batchNumber, savedAtMs }) =>
    batchNumber === null
      ? `${instrument}: from the beginning of its log`
      : `${instrument}: from its state of batch ${batchNumber}, saved ${new Date(savedAtMs ?? 0).toISOString()}`,
  );
  if (isDone) {
    return [
      ...lines,
      `${recordsToRead} records are read again when the nodes start. Start them soon, with the version that folds rightly: what Kafka drops before is lost.`,
    ];
  }
  return [
    ...lines,
    `${recordsToRead} records would be read again.`,
    ...(running.length > 0 ? [`It would be refused now: ${running.join(', ')}.`] : []),
    'Nothing was done.',
  ];
}

/** A Redis that nodes start themselves is gone with them, and its lists. */
function closedCandleLists({ redis, publish, candles }: Settings, ids: InstrumentIds): ClosedCandleLists {
  return {
    async dropAfter(resets) {
      if (redis.url === '') return;
      const lists = [];
      for (const { instrument, position } of resets) {
        const name = publish.naming === 'ids' ? String(await ids.find(instrument)) : instrument;
        lists.push({ name, position });
      }
      const client = createRedisClient(redis.url, {
        reconnect: { initialMs: REDIS_TIMEOUT_MS, maxMs: REDIS_TIMEOUT_MS, jitter: 0 },
        random: () => 0,
        connectTimeoutMs: REDIS_TIMEOUT_MS,
        commandTimeoutMs: REDIS_TIMEOUT_MS,
      });
      let lastError: unknown;
      client.on('error', (error: Error) => (lastError = error));
      try {
        await Promise.race([once(client, 'ready'), once(client, 'close')]);
        await trimClosedCandles(client, candles.intervals, lists);
      } catch (error) {
        throw new TampinesError(
          'SERVICE_UNAVAILABLE',
          'Cannot take candles that closed after the reset out of Redis, so nothing was reset',
          { cause: lastError ?? error, isRetryable: true },
        );
      } finally {
        client.disconnect();
      }
    },
  };
}
