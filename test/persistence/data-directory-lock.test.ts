import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDataDirectory } from '../../src/persistence/data-directory-lock.ts';

describe('data directory lock', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tampines-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const lockFile = (): string => join(directory, 'tampines.lock');

  it('refuses a directory that a running process holds, and names the process', () => {
    const lock = lockDataDirectory(directory);
    expect(() => lockDataDirectory(directory)).toThrow(
      expect.objectContaining({
        code: 'DATA_DIRECTORY_LOCKED',
        message: expect.stringContaining(`process ${process.pid}`) as string,
      }) as Error,
    );
    lock.release();
    lockDataDirectory(directory).release();
  });

  it('says which setting to change where the directory can not be made or written', () => {
    const file = join(directory, 'a-file');
    writeFileSync(file, '');
    expect(() => lockDataDirectory(join(file, 'postgres'))).toThrow(
      expect.objectContaining({
        code: 'SETTINGS_INVALID',
        message: expect.stringMatching(
          /^Cannot write to the data directory .*ENOTDIR.*node\.dataDirectory/,
        ) as string,
      }) as Error,
    );
  });

  it('takes over from a process that is gone', () => {
    writeFileSync(lockFile(), '4194304999 1');
    lockDataDirectory(directory);
    expect(readFileSync(lockFile(), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  it('takes over when the process id now belongs to another process', () => {
    writeFileSync(lockFile(), `${process.pid} 1`);
    lockDataDirectory(directory);
    expect(readFileSync(lockFile(), 'utf8')).not.toBe(`${process.pid} 1`);
  });

  it('takes over from a lock file that was never finished', () => {
    writeFileSync(lockFile(), '');
    lockDataDirectory(directory).release();
    expect(() => readFileSync(lockFile())).toThrow('ENOENT');
  });

  it('creates the directory where needed', () => {
    const deep = join(directory, 'a', 'b');
    lockDataDirectory(deep).release();
    expect(() => readFileSync(join(deep, 'tampines.lock'))).toThrow('ENOENT');
  });

  it("releases only its own lock, not a successor's", () => {
    const lock = lockDataDirectory(directory);
    writeFileSync(lockFile(), '1 999');
    lock.release();
    expect(readFileSync(lockFile(), 'utf8')).toBe('1 999');
  });
});
