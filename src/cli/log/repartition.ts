/** `tampines log repartition`: the log of a stopped cluster in a topic of another number of partitions. */
import type { LogMovePlan } from '../../cluster/log-move.ts';
import { moveLog, planLogMove } from '../../cluster/log-move.ts';
import type { LogMoveStore, LogTopics } from '../../cluster/ports.ts';
import { loadSettings } from '../../settings.ts';
import type { Screen } from '../operator/screen.ts';
import { writeJson, writeLines } from '../operator/screen.ts';
import { createProgress } from '../progress.ts';
import { toCommandFailure, withStoppedLog } from './stopped-log.ts';

export type RepartitionOptions = {
  readonly screen: Screen;
  readonly isJson: boolean;
  /** Only says what would be done. */
  readonly isDryRun: boolean;
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly partitions: number;
};

/** The document of `--json`. */
type Outcome = {
  /** The log has the partitions that were asked for. */
  readonly isDone: boolean;
  readonly from: { readonly topic: string; readonly partitions: number };
  /** `null`: none was made. */
  readonly to: { readonly topic: string; readonly partitions: number; readonly firstPlace: number } | null;
  readonly instruments: number;
  readonly recordsToRead: number;
  readonly recordsCopied: number;
  /** Made by attempts that did not come to their end, if they came that far; nothing reads them. */
  readonly leftTopics: readonly string[];
  /** What says that nodes are at work. */
  readonly running: readonly string[];
};

export type RepartitionEdges = { readonly store: LogMoveStore; readonly topics: LogTopics };

/** @throws CommandFailure with what is wrong */
export async function repartition(options: RepartitionOptions): Promise<void> {
  const { config, environment, set, partitions, isJson } = options;
  await toCommandFailure(isJson, async () => {
    const { settings } = loadSettings({
      file: config,
      environment,
      assignments: [...set, `kafka.partitions=${partitions}`],
    });
    await withStoppedLog(settings, ({ moves, topics }) => repartitionBy({ store: moves, topics }, options));
  });
}

/** @throws TampinesError of `planLogMove` and `moveLog` */
export async function repartitionBy(
  edges: RepartitionEdges,
  options: Pick<RepartitionOptions, 'screen' | 'isJson' | 'isDryRun' | 'partitions'>,
): Promise<void> {
  const { screen, isJson, isDryRun, partitions } = options;
  const plan = await planLogMove(edges);
  const running = await edges.store.findRunning();
  const planned = plannedOutcome(edges.topics, plan, { running, partitions });
  const outcome = planned.isDone || isDryRun ? planned : await move(edges, plan, { planned, partitions });
  if (isJson) writeJson(screen, outcome);
  else writeLines(screen, describe(outcome, { isDryRun, partitions }));
}

async function move(
  edges: RepartitionEdges,
  plan: LogMovePlan,
  { planned, partitions }: { planned: Outcome; partitions: number },
): Promise<Outcome> {
  const { topics } = edges;
  const { generation: before } = plan.from;
  const progress = createProgress(planned.from.topic);
  let generation = before;
  let readCount = 0;
  try {
    const counts = await moveLog(edges, plan, {
      partitions,
      onCreated: (created) => (generation = created),
      onRead: (count) => {
        readCount += count;
        progress.update('copying', readCount / planned.recordsToRead);
      },
    });
    const left = Array.from({ length: generation - before - 1 }, (_, index) =>
      topics.nameOf(before + 1 + index),
    );
    return {
      ...planned,
      isDone: true,
      to: { topic: topics.nameOf(generation), partitions, firstPlace: plan.firstPlace },
      recordsCopied: counts.reduce((sum, count) => sum + count, 0),
      leftTopics: left,
    };
  } finally {
    progress.finish();
  }
}

function plannedOutcome(
  topics: LogTopics,
  { from, ranges, statePlaces }: LogMovePlan,
  { running, partitions }: { running: readonly string[]; partitions: number },
): Outcome {
  return {
    isDone: from.partitions === partitions,
    from: { topic: topics.nameOf(from.generation), partitions: from.partitions },
    to: null,
    instruments: statePlaces.size,
    recordsToRead: ranges.reduce((sum, { fromPlace, endPlace }) => sum + endPlace - fromPlace, 0),
    recordsCopied: 0,
    leftTopics: [],
    running,
  };
}

function describe(
  { from, to, isDone, instruments, recordsToRead, recordsCopied, leftTopics, running }: Outcome,
  { isDryRun, partitions }: { isDryRun: boolean; partitions: number },
): string[] {
  const has = `${from.topic} has ${from.partitions} partitions`;
  if (to !== null) {
    return [
      `The log is in ${to.topic} with ${to.partitions} partitions now: ${recordsCopied} of ${recordsToRead} records were copied, the states of ${instruments} instruments hold the others.`,
      `${from.topic} is as it was, and nothing reads it any more.`,
      ...leftTopics.map((topic) => `Delete ${topic}, if it is there: it is left of an attempt before.`),
      `Start all nodes with kafka.partitions: ${to.partitions}.`,
    ];
  }
  if (isDone) return [`${has} already: nothing was done.`];
  return [
    `${has}. ${recordsToRead} records would be read, and those copied to a new topic of ${partitions} partitions that the states of ${instruments} instruments do not hold.`,
    ...(isDryRun && running.length > 0 ? [`It would be refused now: ${running.join(', ')}.`] : []),
    'Nothing was done.',
  ];
}
