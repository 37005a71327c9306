/** Minutes of a quiet node, each with what it took. */
import { profileInto } from '../harness/cpu-profile.ts';
import type { QuietNode } from './quiet-node.ts';
import { startQuietNode } from './quiet-node.ts';

export type QuietOrder = {
  readonly instrumentCount: number;
  /** A profile of each minute is written there. */
  readonly profileDirectory: string | undefined;
};

export type QuietReport = {
  readonly title: string;
  /** Processor time by the time that passed in the node. */
  readonly coreShare: number;
  readonly entryCount: number;
  readonly closedCount: number;
  /** The longest first. */
  readonly longestTurnsMs: readonly number[];
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Until all have had their first checkpoint, and the candles of their trade are closed. */
const SETTLE_MS = 90_000;
const TURNS_TOLD = 4;

process.once('message', (order: QuietOrder) => {
  void runQuiet(order).then((reports) => process.send!(reports, () => process.exit()));
});

async function runQuiet({ instrumentCount, profileDirectory }: QuietOrder): Promise<readonly QuietReport[]> {
  const node = await startQuietNode(instrumentCount);
  node.exchange.tradeAll();
  await node.time.pass(SETTLE_MS);
  const reports: QuietReport[] = [];
  const measure = async (title: string): Promise<void> => {
    const endProfile = await profileInto(profileDirectory, title.replaceAll(' ', '-'));
    reports.push(await passMinute(node, title));
    await endProfile();
  };
  await measure('a minute');
  // What traded within the hour closes its longest candles then, all instruments at once.
  const untilHourMs = HOUR_MS - (node.time.nowMs() % HOUR_MS);
  await node.time.pass(untilHourMs - MINUTE_MS / 2);
  await measure('over a full hour');
  return reports;
}

async function passMinute(node: QuietNode, title: string): Promise<QuietReport> {
  const closedBefore = node.closedCount();
  const entriesBefore = node.entryCount();
  const turnsMs: number[] = [];
  const before = process.cpuUsage();
  await node.time.pass(MINUTE_MS, (longestMs) => turnsMs.push(longestMs));
  const { user, system } = process.cpuUsage(before);
  turnsMs.sort((a, b) => b - a);
  return {
    title,
    coreShare: (user + system) / 1_000 / MINUTE_MS,
    entryCount: node.entryCount() - entriesBefore,
    closedCount: node.closedCount() - closedBefore,
    longestTurnsMs: turnsMs.slice(0, TURNS_TOLD),
  };
}
