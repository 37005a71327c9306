/** One kill and one start after the other, and what each start came to. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../../src/settings.ts';
import type { Trade } from '../../src/market/events.ts';
import type { InstrumentPolicy } from '../../src/market/instrument-state.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import type { InstrumentKind } from './day-of-trades.ts';
import type { PreparedFigures } from './prepared-database.ts';
import { EXCHANGE, prepareDatabase, wantInstruments } from './prepared-database.ts';
import type { RedisWatch } from './redis-watch.ts';
import type { StartMark } from './start-probe.ts';

export type Scenario = {
  readonly name: string;
  /** What the node subscribes to. */
  readonly levelsPerSide: number;
  readonly kinds: readonly InstrumentKind[];
};

/** A point of a start: time since the process was started, and the processor time that the node had taken until then. */
export type ReachedMark = { readonly name: string; readonly sinceMs: number; readonly cpuMs: number };

export type RoundResult = {
  readonly prepared: PreparedFigures;
  readonly marks: readonly ReachedMark[];
  readonly batchesReplayed: number;
  readonly rssMb: number;
  readonly rssPeakMb: number;
  readonly load: number;
};

export type RunSurroundings = {
  readonly storage: Storage;
  readonly watch: RedisWatch;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly exchangePort: number;
  /** Hands the exchange what it answers with, by native symbol. */
  readonly tellTrades: (recentTrades: ReadonlyMap<string, readonly Trade[]>) => void;
  readonly dataDirectory: string;
  readonly profileFile: string | undefined;
};

const PREPARE_MS = 9_000;
const GIVE_UP_MS = 120_000;
const SETTLE_MS = 1_500;
const PROFILE_WRITE_MS = 20_000;
const CLOCK_TICK_MS = 10;
const DOCUMENTS_PER_INSTRUMENT = { books: 4, others: 15 };

export class RecoveryRun {
  readonly #scenario: Scenario;
  readonly #around: RunSurroundings;
  readonly #policy: InstrumentPolicy;
  readonly results: RoundResult[] = [];
  #node: ChildProcess | undefined;
  #prepared: PreparedFigures | undefined;
  #hasInstruments = false;

  constructor(scenario: Scenario, around: RunSurroundings) {
    this.#scenario = scenario;
    this.#around = around;
    const { candles, feed } = loadSettings({}).settings;
    this.#policy = { checksum: undefined, candles, maxFutureMs: feed.maxFutureMs };
  }

  get instrumentCount(): number {
    return this.#scenario.kinds.reduce((sum, { count }) => sum + count, 0);
  }

  /** Kills the node of the round before and leaves the database as it is when a node is killed in this moment. */
  async prepare(): Promise<void> {
    await this.kill();
    const { storage, watch } = this.#around;
    if (!this.#hasInstruments) await wantInstruments(storage, this.instrumentCount);
    this.#hasInstruments = true;
    const endMs = Date.now() + PREPARE_MS;
    const { kinds } = this.#scenario;
    this.#prepared = await prepareDatabase(storage, { kinds, endMs, policy: this.#policy });
    watch.expect(this.#prepared.epoch + 1);
    this.#around.tellTrades(this.#prepared.recentTrades);
    await storage.database.query({ text: 'CHECKPOINT' });
    await sleep(Math.max(0, endMs - Date.now()));
  }

  /** Starts a node and resolves once every book is live again, with the number of live books in Redis. */
  async start(): Promise<number> {
    const { watch, profileFile } = this.#around;
    const load = loadavg()[0]!;
    const startMs = Date.now();
    const node = this.#spawn();
    this.#node = node;
    const log = new NodeOutput(node);
    const pid = node.pid!;
    const marks: ReachedMark[] = [];
    const reach = (name: string): void => {
      marks.push({ name, sinceMs: Date.now() - startMs, cpuMs: cpuMsOf(pid) });
    };
    const count = this.instrumentCount;
    const { books, others } = DOCUMENTS_PER_INSTRUMENT;
    const recovered = log.untilRecovered(count).then(() => reach('state of all recovered'));
    const published = watch
      .untilPublished(count * (books + others))
      .then(() => reach('tickers and candles of all published'));
    void watch.untilLive((count * books) / 2).then(() => reach('half of the books live'));
    const live = watch.untilLive(count * books).then(() => reach('all books live'));
    const ended = once(node, 'exit').then(([code]) => {
      throw new Error(`The node ended with code ${String(code)}:\n${log.lastLines.join('\n')}`);
    });
    const lateness = sleep(GIVE_UP_MS, undefined, { ref: false }).then(() => {
      throw new Error(
        `Gave up: ${log.recoveredCount} recovered, ${watch.publishedCount} published, ${watch.liveCount} live\n${log.lastLines.join('\n')}`,
      );
    });
    await Promise.race([Promise.all([recovered, published, live]), ended, lateness]);
    ended.catch(() => undefined);
    lateness.catch(() => undefined);
    const liveCount = await watch.countLiveKeys();
    if (liveCount !== count * books) throw new Error(`${liveCount} of ${count * books} keys are live`);
    if (profileFile !== undefined) {
      node.kill('SIGUSR2');
      await Promise.race([
        log.untilMark('profile written'),
        sleep(PROFILE_WRITE_MS, undefined, { ref: false }),
      ]);
    }
    await sleep(SETTLE_MS);
    this.results.push({
      prepared: this.#prepared!,
      marks: [
        ...log.marks.map(({ name, timeMs, cpuMs }) => ({ name, sinceMs: timeMs - startMs, cpuMs })),
        ...marks,
      ],
      batchesReplayed: log.batchesReplayed,
      rssMb: statusMb(pid, 'VmRSS'),
      rssPeakMb: statusMb(pid, 'VmHWM'),
      load,
    });
    return liveCount;
  }

  async kill(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    if (node?.exitCode !== null) return;
    node.kill('SIGKILL');
    await once(node, 'exit');
  }

  #spawn(): ChildProcess {
    const { postgresUrl, redisUrl, exchangePort, dataDirectory, storage, profileFile } = this.#around;
    const settings = [
      `node.dataDirectory=${dataDirectory}`,
      `postgres.schema=${storage.database.schema}`,
      'admin.port=0',
      'log.format=json',
      `exchanges.${EXCHANGE}.wsUrl=ws://127.0.0.1:${exchangePort}`,
      `exchanges.${EXCHANGE}.restUrl=http://127.0.0.1:${exchangePort}`,
      `exchanges.${EXCHANGE}.depth=${this.#scenario.levelsPerSide}`,
    ];
    const bench = import.meta.dirname;
    return spawn(
      process.execPath,
      [
        // As the first line of the command has it.
        '--max-semi-space-size=64',
        ...['--import', join(bench, 'start-probe.js')],
        ...[join(bench, '../../src/cli/tampines.js'), 'start'],
        ...settings.flatMap((setting) => ['--set', setting]),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
        env: {
          ...process.env,
          TAMPINES_POSTGRES_URL: postgresUrl,
          TAMPINES_REDIS_URL: redisUrl,
          ...(profileFile === undefined ? {} : { RECOVERY_BENCH_PROFILE: profileFile }),
        },
      },
    );
  }
}

/** What the node says: its log lines, and the marks of the probe. */
class NodeOutput {
  readonly marks: StartMark[] = [];
  readonly lastLines: string[] = [];
  recoveredCount = 0;
  batchesReplayed = 0;
  #wanted: { count: number; resolve: () => void } | undefined;
  readonly #markWaits = new Map<string, () => void>();

  constructor(node: ChildProcess) {
    createInterface({ input: node.stdout! }).on('line', (line) => this.#take(line));
    createInterface({ input: node.stdio[3] as Readable }).on('line', (line) => {
      const mark = JSON.parse(line) as StartMark;
      if (mark.timeMs > 0) this.marks.push(mark);
      this.#markWaits.get(mark.name)?.();
    });
  }

  untilRecovered(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = { count, resolve };
    });
  }

  untilMark(name: string): Promise<void> {
    return new Promise((resolve) => this.#markWaits.set(name, resolve));
  }

  #take(line: string): void {
    if (line.includes('"msg":"instrument recovered"')) {
      const { entriesReplayed } = JSON.parse(line) as { entriesReplayed: number };
      this.recoveredCount++;
      this.batchesReplayed += entriesReplayed;
      if (this.recoveredCount === this.#wanted?.count) this.#wanted.resolve();
      return;
    }
    this.lastLines.push(line);
    if (this.lastLines.length > 20) this.lastLines.shift();
  }
}

/** Processor time that the process took so far, all its threads, in steps of 10 ms; 0 where the system does not tell. */
function cpuMsOf(pid: number): number {
  const fields = readProc(pid, 'stat')
    ?.replace(/^.*\) /, '')
    .split(' ');
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
}

function statusMb(pid: number, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readProc(pid, 'status') ?? '')?.[1];
  return Math.round(Number(kilobytes ?? 0) / 1_024);
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
