import { basename } from 'node:path';
import { Presets, SingleBar } from 'cli-progress';

/** Progress of one file: a bar on a terminal, nothing elsewhere (its result line says enough). */
export type Progress = { update(phase: string, share: number): void; finish(): void };

export function createProgress(file: string): Progress {
  if (!process.stderr.isTTY) return { update: () => undefined, finish: () => undefined };
  const bar = new SingleBar(
    {
      format: '{file} {phase} |{bar}| {percentage}%',
      hideCursor: true,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  bar.start(100, 0, { file: basename(file), phase: '' });
  return {
    update: (phase, share) => bar.update(Math.floor(share * 100), { phase }),
    finish: () => {
      bar.update(100);
      bar.stop();
    },
  };
}
