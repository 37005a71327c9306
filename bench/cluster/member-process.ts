/** A node of a cluster in a process of its own, which tells what its instruments have folded and what that cost it. */
import { startNode } from '../../src/main.ts';
import { loadSettings } from '../../src/settings.ts';
import { countFolded } from '../end-to-end/folded-counts.ts';
import { benchLog } from '../harness/services.ts';

/** First word of the parent; each later one, whatever it is, asks for a report, and `stop` ends the node. */
export type MemberOrder = {
  readonly assignments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

export type MemberReport = {
  readonly instrumentCount: number;
  readonly deltas: number;
  readonly trades: number;
  /** Processor time of the process since it began, all threads. */
  readonly cpuMs: number;
};

process.once('message', (order: MemberOrder) => void serve(order));
process.once('disconnect', () => process.exit());

async function serve({ assignments, environment }: MemberOrder): Promise<void> {
  const { settings, origins } = loadSettings({ environment, assignments });
  const node = await startNode({ settings, origins, log: benchLog });
  process.on('message', (word: 'report' | 'stop') => {
    if (word === 'stop') void node.stop().then(() => process.exit());
    else void report();
  });
  await report();

  async function report(): Promise<void> {
    const names = node.instruments.keys();
    const { deltas, trades } = await countFolded(node, names);
    const { user, system } = process.cpuUsage();
    const cpuMs = (user + system) / 1_000;
    process.send!({ instrumentCount: names.length, deltas, trades, cpuMs } satisfies MemberReport);
  }
}
