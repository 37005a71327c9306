/** What the rounds of a scenario came to, as text: the parts in the order in which they are reached. */
import type { ReachedMark, RoundResult } from './recovery-run.ts';

/** The marks in order of time with the median of all rounds, what each part took, and the spread of the last one. */
export function describeRounds(name: string, rounds: readonly RoundResult[]): string {
  const names = orderedNames(rounds);
  const rows = names.map((mark) => {
    const reached = rounds.map(({ marks }) => marks.find((one) => one.name === mark)!);
    return {
      mark,
      sinceMs: median(reached.map(({ sinceMs }) => sinceMs)),
      minMs: Math.min(...reached.map(({ sinceMs }) => sinceMs)),
      maxMs: Math.max(...reached.map(({ sinceMs }) => sinceMs)),
      cpuMs: median(reached.map(({ cpuMs }) => cpuMs)),
      cpuMinMs: Math.min(...reached.map(({ cpuMs }) => cpuMs)),
    };
  });
  const width = Math.max(...names.map((mark) => mark.length));
  const lines = rows.map(
    ({ mark, sinceMs, minMs, maxMs, cpuMs, cpuMinMs }) =>
      `| ${mark.padEnd(width)} | ${cell(sinceMs)} | ${cell(minMs)} | ${cell(maxMs)} | ${cell(cpuMs)} | ${cell(cpuMinMs)} |`,
  );
  const { prepared } = rounds[0]!;
  const megabytes = (prepared.snapshotBytes / 1024 ** 2).toFixed(0);
  return [
    `${name}: ${rounds.length} rounds, load average ${rounds.map(({ load }) => load.toFixed(1)).join(', ')}`,
    `  ${megabytes} MB of state snapshots, ${rounds[0]!.batchesReplayed.toLocaleString('en-US')} journal batches after them; resident ${list(rounds, 'rssMb')} MB afterwards, ${list(rounds, 'rssPeakMb')} MB at most`,
    '',
    `| ${'reached, ms after the start'.padEnd(width)} |  median |     min |     max |     CPU | CPU min |`,
    `|${'-'.repeat(width + 2)}|--------:|--------:|--------:|--------:|--------:|`,
    ...lines,
    '',
  ].join('\n');
}

function orderedNames(rounds: readonly RoundResult[]): string[] {
  const { marks } = rounds[0]!;
  const key = ({ name }: ReachedMark): number =>
    median(rounds.map((round) => round.marks.find((mark) => mark.name === name)!.sinceMs));
  return marks.toSorted((a, b) => key(a) - key(b)).map(({ name }) => name);
}

function list(rounds: readonly RoundResult[], field: 'rssMb' | 'rssPeakMb'): string {
  const values = rounds.map((round) => round[field]);
  return `${Math.min(...values)} to ${Math.max(...values)}`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function cell(ms: number): string {
  return Math.round(ms).toLocaleString('en-US').padStart(7);
}
