/** The machine and the table of results, as text and as JSON. */
import { cpus, loadavg, totalmem } from 'node:os';
import { existsSync, readFileSync } from 'node:fs';
import type { Measurement } from './benchmark.ts';

export type Machine = {
  readonly cpuModel: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
  readonly platform: string;
  /** Average number of runnable processes over the last minute, when the run began. */
  readonly loadAtStart: number;
};

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpuModel: cpuModel(processors[0]?.model),
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    loadAtStart: loadavg()[0]!,
  };
}

/** Virtual machines often hide the name; family and model then still tell one from another. */
function cpuModel(name: string | undefined): string {
  if (name !== undefined && name !== '' && name !== 'unknown') return name;
  if (!existsSync('/proc/cpuinfo')) return 'unknown';
  const fields = new Map(
    readFileSync('/proc/cpuinfo', 'utf8')
      .split('\n\n', 1)[0]!
      .split('\n')
      .map((line) => line.split(':').map((part) => part.trim()) as [string, string | undefined]),
  );
  const field = (key: string): string => fields.get(key) ?? '?';
  return `${field('vendor_id')} family ${field('cpu family')} model ${field('model')} stepping ${field('stepping')}`;
}

export function formatMachine(machine: Machine): string {
  const { cpuModel: model, cores, memoryGb, node, platform, loadAtStart } = machine;
  return `Machine: ${model}, ${cores} cores, ${memoryGb} GB; Node ${node}, ${platform}; load average at start ${loadAtStart.toFixed(2)}`;
}

/** Above this something else is at work, and the figures are too low. */
const QUIET_LOAD = 1;

export function loadWarning({ loadAtStart }: Machine): string | undefined {
  if (loadAtStart <= QUIET_LOAD) return undefined;
  return `Warning: load average ${loadAtStart.toFixed(2)} at start: other work shares the machine, these figures are lower than what it can do.`;
}

const HEADER = ['benchmark', 'best', 'mean', '±', 'ns each (min)', 'CPU ns each (min)', 'rounds'];

/** Rates per second of the quickest round and of the mean; `±` is the standard deviation over the rounds. */
export function formatTable(measurements: readonly Measurement[]): string {
  return alignColumns([HEADER, ...measurements.map(toRow)]);
}

/** A table of Markdown, the first row its head: the first column to the left, all others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map(
    (row) =>
      `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`,
  );
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  lines.splice(1, 0, rule);
  return lines.join('\n');
}

function toRow({ name, unit, minNs, meanNs, deviationNs, cpuMinNs, rounds }: Measurement): string[] {
  return [
    name,
    `${perSecond(minNs)} ${unit}/s`,
    `${perSecond(meanNs)}/s`,
    `${((deviationNs / meanNs) * 100).toFixed(1)} %`,
    grouped(minNs),
    grouped(cpuMinNs),
    String(rounds),
  ];
}

function perSecond(ns: number): string {
  return grouped(1e9 / ns);
}

/** Digits in groups of three; small values with one decimal. */
export function grouped(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1);
}
