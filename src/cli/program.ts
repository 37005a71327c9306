/**
 * The commands. Each is a file beside this one, loaded when it is wanted: a node that recovers need not read simulators first. Here are only
 * their options.
 */
import { writeFileSync } from 'node:fs';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { addOperatorCommands } from './operator-commands.ts';
import { parseSince } from './operator/since.ts';
import { parseWhole } from './parse-whole.ts';

/** Returns the command line, not parsed yet. A wrong one throws `CommanderError`. */
export function createProgram(): Command {
  const program = new Command('tampines')
    .description('Live market data from crypto exchanges: one supervised, persistent actor per instrument.')
    .version('0.1.0')
    .showHelpAfterError()
    .exitOverride();
  addNodeCommands(program);
  addRecordingCommands(program);
  addLogCommands(program);
  addOperatorCommands(program);
  return program;
}

const setOption = new Option('--set <name=value>', 'one setting, as in docs/settings.md; may be repeated')
  .default([])
  .argParser((value: string, before: readonly string[]) => [...before, value]);

function addNodeCommands(program: Command): void {
  program
    .command('start')
    .description('run a node until SIGINT or SIGTERM')
    .option('--config <file>', 'settings file (YAML)')
    .option('--role <roles>', 'what it does in a cluster: ingest, compute, admin, or several with commas')
    .addOption(setOption)
    .action(async (options: { config?: string; role?: string; set: string[] }) => {
      const { start } = await import('./start.ts');
      const role = options.role === undefined ? [] : [`node.roles=${options.role}`];
      await start({ config: options.config, set: [...options.set, ...role] });
    });

  program
    .command('demo')
    .description('run a node with embedded storage on three simulated exchanges, and show its markets')
    .option('--seed <n>', 'seed of the simulated markets', parseWhole, 1)
    .option('--rate <n>', 'market events a second and symbol', parseWhole, 10)
    .addOption(setOption)
    .action(async (options: { seed: number; rate: number; set: string[] }) => {
      const { demo } = await import('./demo.ts');
      await demo({ seed: options.seed, stepsPerSecond: options.rate, set: options.set });
    });

  program
    .command('simulate')
    .description('run three simulated exchanges on loopback')
    .option('--seed <n>', 'seed of the simulated markets', parseWhole, 1)
    .option('--rate <n>', 'market events a second and symbol', parseWhole, 10)
    .action(async (options: { seed: number; rate: number }) => {
      const { simulate } = await import('./simulate.ts');
      await simulate({ seed: options.seed, stepsPerSecond: options.rate });
    });
}

type LogOptions = {
  readonly partitions?: number;
  readonly toSavepoint?: number;
  readonly toTime?: number;
  readonly instrument?: readonly string[];
  readonly dryRun: boolean;
  readonly config?: string;
  readonly set: string[];
  readonly json: boolean;
};

function addLogCommands(program: Command): void {
  program
    .command('log')
    .description(
      'change the log of events of a cluster, all of whose nodes are stopped: another number of partitions, or reading again from a state of before on',
    )
    .addArgument(new Argument('<change>', 'what to do').choices(['repartition', 'reset']))
    .option('--partitions <n>', 'repartition: of the new topic', parseWhole)
    .option('--to-savepoint <batch>', 'reset: a savepoint of one instrument', parseBatch)
    .option(
      '--to-time <time>',
      'reset: the newest state of then or before (ISO 8601, 2h ago, Unix ms)',
      parseTime,
    )
    .option('--instrument <name...>', 'reset: exchange:SYMBOL; without it all that are not stopped')
    .option('--dry-run', 'say what would be done, and do nothing', false)
    .option('--config <file>', 'settings file (YAML), as of the nodes')
    .addOption(setOption)
    .option('--json', 'for scripts', false)
    .action(async (change: 'repartition' | 'reset', options: LogOptions, command: Command) => {
      const fault = faultOf(change, options);
      if (fault !== undefined) command.error(`error: ${fault}`);
      const { standardOutput: screen } = await import('./operator/screen.ts');
      const {
        partitions,
        toSavepoint,
        toTime,
        instrument,
        dryRun: isDryRun,
        config,
        set,
        json: isJson,
      } = options;
      const common = { screen, isDryRun, config, set, isJson, environment: process.env };
      if (partitions !== undefined) {
        const { repartition } = await import('./log/repartition.ts');
        await repartition({ ...common, partitions });
        return;
      }
      const { reset } = await import('./log/reset.ts');
      await reset({
        ...common,
        target:
          toTime === undefined
            ? { kind: 'savepoint', batchNumber: toSavepoint! }
            : { kind: 'time', timeMs: toTime },
        instruments: instrument && ([...new Set(instrument)] as InstrumentKey[]),
      });
    });
}

/** Returns what is missing, or belongs to the other change. */
function faultOf(
  change: 'repartition' | 'reset',
  { partitions, toSavepoint, toTime, instrument }: LogOptions,
): string | undefined {
  const isOfReset = toSavepoint !== undefined || toTime !== undefined || instrument !== undefined;
  if (change === 'repartition') {
    return partitions === undefined || isOfReset
      ? 'repartition wants --partitions, and nothing of reset'
      : undefined;
  }
  if (partitions !== undefined || (toSavepoint === undefined) === (toTime === undefined)) {
    return 'reset wants either --to-savepoint or --to-time, and no --partitions';
  }
  if (toSavepoint !== undefined && instrument?.length !== 1) return 'a savepoint is of one --instrument';
  return undefined;
}

/** @throws InvalidArgumentError */
function parseBatch(text: string): number {
  const place = /^\d{1,15}$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (Number.isNaN(place)) throw new InvalidArgumentError('wants the batch of a savepoint.');
  return place;
}

/** @throws InvalidArgumentError */
function parseTime(text: string): number {
  const timeMs = parseSince(text, systemClock.nowMs());
  if (timeMs === undefined) throw new InvalidArgumentError('wants 2026-11-28T09:00, 2h or Unix ms.');
  return timeMs;
}

function addRecordingCommands(program: Command): void {
  program
    .command('replay')
    .description('replay recordings through the whole system; the same command again goes on where it ended')
    .argument('<file...>', 'recordings (*.jsonl.gz)')
    .addOption(
      new Option('--through <way>', 'how frames reach the actors')
        .choices(['direct', 'socket'])
        .default('direct'),
    )
    .option('--summary <file>', 'write the results as JSON (one recording: an object, several: a list)')
    .option('--config <file>', 'settings file (YAML)')
    .addOption(setOption)
    .action(
      async (
        files: string[],
        options: { through: 'direct' | 'socket'; summary?: string; config?: string; set: string[] },
      ) => {
        const { replay } = await import('./replay-command.ts');
        await replay({
          files,
          through: options.through,
          summary: options.summary,
          config: options.config,
          set: options.set,
        });
      },
    );

  program
    .command('aggregate')
    .description(
      'aggregate a file of trades to candles and 24-hour tickers, and compare them with those published beside it',
    )
    .argument('<file>', 'trades (*.json.gz)')
    .option('--summary <file>', 'write the results as JSON')
    .action(async (file: string, options: { summary?: string }) => {
      const [{ aggregateTrades }, { createProgress }] = await Promise.all([
        import('./aggregate.ts'),
        import('./progress.ts'),
      ]);
      const progress = createProgress(file);
      const summary = await aggregateTrades(file, (done, total) =>
        progress.update('aggregating', total === 0 ? 1 : done / total),
      );
      progress.finish();
      if (options.summary !== undefined)
        writeFileSync(options.summary, `${JSON.stringify(summary, undefined, 2)}\n`);
      const parts = [`${summary.trades.toString()} trades`];
      if (summary.agreement !== undefined)
        parts.push(`candles: ${summary.agreement.equal} of ${summary.agreement.checked} agree`);
      if (summary.ticker_agreement !== undefined) {
        parts.push(`tickers: ${summary.ticker_agreement.equal} of ${summary.ticker_agreement.checked} agree`);
      }
      process.stdout.write(`${parts.join(', ')}\n`);
      const hasDifference = [summary.agreement, summary.ticker_agreement].some(
        (part) => part !== undefined && part.equal < part.checked,
      );
      if (hasDifference) process.exitCode = EXIT_CODES.failed;
    });
}
