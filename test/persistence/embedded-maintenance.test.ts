import { describe, expect, it } from 'vitest';
import type { Timers } from '../../src/base/clock.ts';
import {
  CHECKPOINT_EVERY_BYTES,
  EmbeddedMaintenance,
  VACUUM_EVERY_DEAD_ROWS,
} from '../../src/persistence/embedded-maintenance.ts';
import { RecordingLog } from '../support/recording-log.ts';

function setUp(runStatement?: (text: string) => Promise<unknown>) {
  const statements: string[] = [];
  const log = new RecordingLog();
  const state = { sentBytes: 0, tick: (): void => undefined };
  const timers: Timers = {
    after: () => ({ cancel: () => undefined }),
    every: (_periodMs, action) => {
      state.tick = action;
      return { cancel: () => (state.tick = () => undefined) };
    },
    sleep: () => Promise.resolve(),
  };
  const maintenance = new EmbeddedMaintenance({
    runStatement: (text) => {
      statements.push(text);
      return runStatement?.(text) ?? Promise.resolve();
    },
    sentBytes: () => state.sentBytes,
    timers,
    log,
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { maintenance, statements, state, log, settle };
}

const INSERT = { command: 'INSERT', rowCount: 1 };

describe('embedded maintenance', () => {
  it('makes a checkpoint once enough bytes were sent, and again only after as many more', async () => {
    const { maintenance, statements, state, settle } = setUp();
    state.sentBytes = CHECKPOINT_EVERY_BYTES - 1;
    maintenance.noteStatement(INSERT);
    expect(statements).toEqual([]);
    state.sentBytes = CHECKPOINT_EVERY_BYTES;
    maintenance.noteStatement(INSERT);
    await settle();
    maintenance.noteStatement(INSERT);
    expect(statements).toEqual(['CHECKPOINT']);
    state.sentBytes = 2 * CHECKPOINT_EVERY_BYTES;
    maintenance.noteStatement(INSERT);
    await settle();
    expect(statements).toEqual(['CHECKPOINT', 'CHECKPOINT']);
  });

  it('makes one at its time when anything was sent at all', async () => {
    const { statements, state, settle } = setUp();
    state.tick();
    expect(statements).toEqual([]);
    state.sentBytes = 10;
    state.tick();
    await settle();
    expect(statements).toEqual(['CHECKPOINT']);
  });

  it('vacuums after many rows died', async () => {
    const { maintenance, statements, settle } = setUp();
    maintenance.noteStatement({ command: 'DELETE', rowCount: VACUUM_EVERY_DEAD_ROWS - 1 });
    await settle();
    expect(statements).toEqual([]);
    maintenance.noteStatement({ command: 'UPDATE', rowCount: 1 });
    await settle();
    expect(statements).toEqual(['VACUUM', 'CHECKPOINT']);
  });

  it('warns when it fails and goes on later', async () => {
    const { maintenance, state, log, statements, settle } = setUp(() =>
      Promise.reject(new Error('disk full')),
    );
    state.sentBytes = CHECKPOINT_EVERY_BYTES;
    maintenance.noteStatement(INSERT);
    await settle();
    expect(log.countOf('warn')).toBe(1);
    state.sentBytes = 2 * CHECKPOINT_EVERY_BYTES;
    maintenance.noteStatement(INSERT);
    await settle();
    expect(statements).toEqual(['CHECKPOINT', 'CHECKPOINT']);
  });
});
