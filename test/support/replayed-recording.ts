/** A recording under a name of its own, so that the storage of its replays is no other test file's, even where both replay the same one. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Publisher } from '../../src/actors/ports.ts';
import type { ReplaySummary } from '../../src/cli/replay.ts';
import { replayRecording, replaySchemaOf } from '../../src/cli/replay.ts';
import type { DatabaseLocation } from '../../src/persistence/open-database.ts';
import { loadSettings } from '../../src/settings.ts';
import { RecordingLog } from './recording-log.ts';
import { dropSchema, freshName } from './services.ts';

export type ReplayedRecording = {
  readonly path: string;
  /** Of everything that its replays keep in Postgres. */
  readonly schema: string;
  /** Forgets its replays in the real Postgres. */
  dropStorage(): Promise<void>;
  close(): Promise<void>;
};

export function borrowRecording(originalPath: string): ReplayedRecording {
  const folder = mkdtempSync(join(tmpdir(), 'replayed-'));
  const path = join(folder, `${freshName('r')}.jsonl.gz`);
  symlinkSync(originalPath, path);
  const schema = replaySchemaOf(path);
  return {
    path,
    schema,
    dropStorage: () => dropSchema(schema),
    close: async () => {
      await dropSchema(schema);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const NO_PUBLISHER: Publisher = {
  publish: () => undefined,
  refresh: () => undefined,
  markStale: () => undefined,
  expire: () => undefined,
  flush: () => Promise.resolve(),
};

/** Replays within this process, with default settings but for `assignments` (`name=value`). */
export function replayHere(options: {
  path: string;
  through: 'direct' | 'socket';
  location: DatabaseLocation;
  assignments?: readonly string[];
}): Promise<ReplaySummary> {
  const { path, through, location, assignments = [] } = options;
  return replayRecording({
    path,
    through,
    location,
    settings: loadSettings({ assignments }).settings,
    log: new RecordingLog(),
    publisher: NO_PUBLISHER,
    onProgress: () => undefined,
  });
}
