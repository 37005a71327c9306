import { mkdir, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

/** Begins a profile where there is a directory for it; returns what ends it and writes it as `name`. */
export async function profileInto(directory: string | undefined, name: string): Promise<() => Promise<void>> {
  if (directory === undefined) return () => Promise.resolve();
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `${name}-${process.pid}.cpuprofile`), JSON.stringify(profile));
  };
}
