/** Creating an embedded database takes seconds, copying one does not: tests start from a copy. */
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimers } from '../../src/base/clock.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { RecordingLog } from './recording-log.ts';

/** Returns a new data directory with a database in it. */
export async function createEmbeddedDirectory(): Promise<string> {
  const template = join(tmpdir(), 'tampines-embedded-template');
  const directory = mkdtempSync(join(tmpdir(), 'tampines-embedded-'));
  if (!existsSync(template)) await createTemplate(template);
  cpSync(template, directory, { recursive: true });
  return directory;
}

async function createTemplate(template: string): Promise<void> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'tampines-embedded-new-'));
  const database = await openDatabase({
    location: { dataDirectory },
    schema: 'template',
    timers: systemTimers,
    log: new RecordingLog(),
  });
  await database.close();
  try {
    renameSync(dataDirectory, template);
  } catch {
    // Another test file was quicker.
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}
