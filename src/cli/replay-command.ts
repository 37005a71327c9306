/** `tampines replay`: one recording after the other, each into storage of its own, with a line of results for people and JSON for programs. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Publisher } from '../actors/ports.ts';
import { loadSettings } from '../settings.ts';
import { createLogger } from './logger.ts';
import { createProgress } from './progress.ts';
import type { ReplaySummary } from './replay.ts';
import { replayRecording } from './replay.ts';

/** A replay is for its summary and its tables; subscribers want live data. */
const NO_PUBLISHER: Publisher = {
  publish: () => undefined,
  refresh: () => undefined,
  markStale: () => undefined,
  expire: () => undefined,
  flush: () => Promise.resolve(),
};

/** @throws TampinesError `RECORDING_INVALID` · `SETTINGS_INVALID` and what the storage throws */
export async function replay(options: {
  files: readonly string[];
  through: 'direct' | 'socket';
  summary: string | undefined;
  config: string | undefined;
  set: readonly string[];
}): Promise<void> {
  const { settings } = loadSettings({
    file: options.config,
    environment: process.env,
    assignments: ['node.dataDirectory=.tampines/replay', ...options.set],
  });
  // Each instrument's recovery would be a line; what a replay is asked for is its results.
  const level = settings.log.level === 'info' ? 'warn' : settings.log.level;
  const log = await createLogger({ ...settings.log, level }, { node: 'replay', destination: 2 });
  const { url } = settings.postgres;
  const summaries: ReplaySummary[] = [];
  for (const path of options.files) {
    const progress = createProgress(path);
    const startMs = performance.now();
    const summary = await replayRecording({
      path,
      through: options.through,
      location: url === '' ? { dataDirectory: `${settings.node.dataDirectory}/postgres` } : { url },
      settings,
      log,
      publisher: NO_PUBLISHER,
      onProgress: ({ phase, share }) => progress.update(phase, share),
    });
    progress.finish();
    process.stdout.write(`${describe(path, summary, performance.now() - startMs)}\n`);
    summaries.push(summary);
  }
  if (options.summary === undefined) return;
  writeFileSync(
    options.summary,
    `${JSON.stringify(summaries.length === 1 ? summaries[0] : summaries, undefined, 2)}\n`,
  );
}

function describe(path: string, summary: ReplaySummary, tookMs: number): string {
  const symbols = Object.values(summary.symbols);
  const frames = summary.frames.in;
  return `${basename(path)}: ${frames} frames, ${symbols.length} instruments, ${summary.chain.broken} gaps, ${(tookMs / 1_000).toFixed(1)} s`;
}
