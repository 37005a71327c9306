/**
 * A crash is only a pause: a replay that was ended by SIGKILL, once or several times, and given the same command again comes to the same
 * bytes of state and the same rows as one that nobody disturbed.
 */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RandomSource } from '../../src/base/clock.ts';
import { createSeededRandom, systemTimers } from '../../src/base/clock.ts';
import type { DatabaseLocation } from '../../src/persistence/open-database.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { createEmbeddedDirectory } from '../support/embedded-template.ts';
import { ownBinance, ownKraken } from '../support/own-recordings.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { sharedDataPath } from '../support/recordings.ts';
import type { Kill, ProgramRun, ReplayPlace } from '../support/replay-program.ts';
import { runReplay } from '../support/replay-program.ts';
import type { ReplayedRecording } from '../support/replayed-recording.ts';
import { borrowRecording } from '../support/replayed-recording.ts';
import { noteServiceUse, testDatabaseUrl } from '../support/services.ts';
import type { StoredRows } from '../support/stored-rows.ts';
import { readStoredRows } from '../support/stored-rows.ts';

const SEED = 20261121;

type Outcome = { readonly summary: unknown; readonly rows: StoredRows };

const CASES: readonly {
  name: string;
  path: string | undefined;
  kills: readonly number[];
  embeddedKills: readonly number[];
}[] = [
  { ...ownBinance, kills: [1, 1, 3], embeddedKills: [2] },
  { ...ownKraken, kills: [2], embeddedKills: [] },
  { ...sharedRecording('binance-usdm-20210722'), kills: [2], embeddedKills: [] },
  // Books and trades of one instrument come on connections of their own.
  { ...sharedRecording('kraken-20210417'), kills: [1, 3], embeddedKills: [1] },
];

function sharedRecording(name: string): { name: string; path: string | undefined } {
  return { name, path: sharedDataPath(`recordings/${name}.jsonl.gz`) };
}

describe.each(CASES)('$name', ({ path, kills, embeddedKills }) => {
  if (path === undefined) {
    it.skip('needs the recorded data', () => undefined);
    return;
  }
  let recording: ReplayedRecording;
  let undisturbed: Outcome;
  let writes: number;
  const random = createSeededRandom(SEED);

  beforeAll(async () => {
    recording = borrowRecording(path);
    const run = await finish(recording.path, { url: testDatabaseUrl() });
    writes = run.writes;
    undisturbed = { summary: run.summary, rows: await readRows(recording, { url: testDatabaseUrl() }) };
  });
  afterAll(() => recording.close());

  it('writes often enough to be killed in the middle, each row once', () => {
    const { trades, candles, distinctTrades, distinctCandles } = undisturbed.rows;
    expect(writes).toBeGreaterThan(10);
    expect(trades.length).toBeGreaterThan(0);
    expect([trades.length, candles.length]).toEqual([distinctTrades, distinctCandles]);
  });

  it.each(kills)(
    'on real Postgres, killed in %i lives: state and rows as if never disturbed',
    async (lives) => {
      await recording.dropStorage();
      const place = { url: testDatabaseUrl() };
      await killAndFinish(recording, { place, location: place, lives, writes, random, undisturbed });
    },
  );

  it.each(embeddedKills)(
    'on embedded Postgres, killed in %i lives: state and rows as if never disturbed',
    async (lives) => {
      noteServiceUse('Embedded Postgres');
      const dataDirectory = mkdtempSync(join(tmpdir(), 'crash-'));
      const location = { dataDirectory: join(dataDirectory, 'postgres') };
      renameSync(await createEmbeddedDirectory(), location.dataDirectory);
      try {
        const place = { dataDirectory };
        await killAndFinish(recording, { place, location, lives, writes, random, undisturbed });
      } finally {
        rmSync(dataDirectory, { recursive: true, force: true });
      }
    },
  );
});

async function killAndFinish(
  recording: ReplayedRecording,
  trial: {
    place: ReplayPlace;
    location: DatabaseLocation;
    lives: number;
    writes: number;
    random: RandomSource;
    undisturbed: Outcome;
  },
): Promise<void> {
  const { place, location, lives, writes, random, undisturbed } = trial;
  const kills: Kill[] = [];
  for (let life = 1; life <= lives; life++) {
    // A later life has less left to write, but surely its share of it; and what is committed together depends on the time, so that a quick run
    // may need half the statements of a slow one.
    const statement = 1 + Math.floor((random() * writes) / (4 * lives));
    const kill = { statement, isSent: random() < 0.5 };
    kills.push(kill);
    const outcome = await runReplay(recording.path, place, kill);
    expect(outcome, `was not killed by ${JSON.stringify(kills)}`).toBe('killed');
  }
  const { summary } = await finish(recording.path, place);
  const rows = await readRows(recording, location);
  expect(summary, `after ${JSON.stringify(kills)}`).toEqual(undisturbed.summary);
  expect(rows, `after ${JSON.stringify(kills)}`).toEqual(undisturbed.rows);
}

async function finish(path: string, place: ReplayPlace): Promise<ProgramRun> {
  const outcome = await runReplay(path, place);
  if (outcome === 'killed') throw new Error('a replay was killed that nobody meant to kill');
  return outcome;
}

async function readRows({ schema }: ReplayedRecording, location: DatabaseLocation): Promise<StoredRows> {
  const database = await openDatabase({ location, schema, timers: systemTimers, log: new RecordingLog() });
  try {
    return await readStoredRows({ database });
  } finally {
    await database.close();
  }
}
