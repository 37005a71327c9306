/** The commands of operators: their arguments and options. What each does is a file in `operator/`, loaded when it is wanted. */
import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import { ACTOR_STATUSES, INSTRUMENT_ORDERS, SUPERVISION_KINDS } from '../admin/request-schemas.ts';
import { NODE_URL_VARIABLE } from '../settings.ts';
import type { InstrumentsQuery } from './operator/list-instruments.ts';
import { parseWhole } from './parse-whole.ts';

/** What every command that asks a node is told. */
type NodeOptions = { readonly url: string; readonly tokenFile?: string; readonly json: boolean };

export function addOperatorCommands(program: Command): void {
  addReadingCommands(program);
  addChangingCommands(program);
  addSavepointCommand(program);
  addLocalCommands(program);
}

function addReadingCommands(program: Command): void {
  chosen(asking(program, 'ls', 'list the instruments of a node')).action(
    async (options: NodeOptions & InstrumentsQuery) => {
      const { listInstruments } = await import('./operator/list-instruments.ts');
      await listInstruments({ ...(await connect(options)), query: queryOf(options) });
    },
  );

  chosen(asking(program, 'top', 'watch the instruments of a node, refreshed in place; q or Ctrl-C ends'))
    .option('--every <ms>', 'how often, 200 ms at least', parseWhole, 1_000)
    .action(async (options: NodeOptions & InstrumentsQuery & { every: number }) => {
      const [{ watchMarkets, watchKeys }, { systemTimers }] = await Promise.all([
        import('./operator/watch-markets.ts'),
        import('../base/clock.ts'),
      ]);
      const end = new AbortController();
      const giveKeysBack = watchKeys(process.stdin, () => end.abort());
      process.once('SIGTERM', () => end.abort()).once('SIGINT', () => end.abort());
      try {
        const everyMs = Math.max(200, options.every);
        const watched = { query: queryOf(options), everyMs, timers: systemTimers, signal: end.signal };
        await watchMarkets({ ...(await connect(options)), ...watched });
      } finally {
        giveKeysBack();
      }
    });

  asking(program, 'events', 'show what supervisors saw and decided, the newest last')
    .option('--path <path>', 'of one actor, such as shards/0/binance:BTC-USDT')
    .addOption(
      new Option('--kind <kinds>', `one or several separated by commas: ${SUPERVISION_KINDS.join(', ')}`),
    )
    .option('--since <time>', 'since so long ago (10m, 2h), or a time (ISO 8601, UTC, or Unix ms)')
    .option('--limit <n>', 'the newest so many', parseWhole, 50)
    .option('--follow', 'go on with those to come; with --json one object in a line', false)
    .action(
      async (
        options: NodeOptions & {
          path?: string;
          kind?: string;
          since?: string;
          limit: number;
          follow: boolean;
        },
      ) => {
        const { showEvents } = await import('./operator/show-events.ts');
        const { path, kind, since, limit, follow: isFollowing } = options;
        await showEvents({ ...(await connect(options)), path, kind, since, limit, isFollowing });
      },
    );

  asking(program, 'cluster', 'show the nodes, who has which shards, and who feeds what').action(
    async (options: NodeOptions) => {
      const { showCluster } = await import('./operator/show-cluster.ts');
      await showCluster(await connect(options));
    },
  );

  instrumentCommand(program, 'book', 'show an order book')
    .option('--resolution <n>', 'tick sizes per level', parseWhole, 1)
    .option('--depth <n>', 'levels per side', parseWhole, 10)
    .action(
      async (
        exchange: string,
        symbol: string,
        options: NodeOptions & { resolution: number; depth: number },
      ) => {
        const { showBook } = await import('./operator/show-book.ts');
        const { resolution, depth } = options;
        await showBook({ ...(await connect(options)), exchange, symbol, resolution, depth });
      },
    );
}

function addChangingCommands(program: Command): void {
  asking(program, 'spawn', 'start following instruments; they stay wanted over restarts')
    .argument('<exchange>', 'such as binance')
    .argument('<symbol...>', 'BASE-QUOTE, such as BTC-USDT; up to 100')
    .action(async (exchange: string, symbols: string[], options: NodeOptions) => {
      const { spawnInstruments } = await import('./operator/change-instruments.ts');
      process.exitCode = await spawnInstruments({ ...(await connect(options)), exchange, symbols });
    });
  const conditional = [
    ['stop', 'stop an instrument for good; its log and tables stay', 'stopInstrument'],
    ['restart', 'begin a new life of an instrument from its log; starts a parked one', 'restartInstrument'],
    ['park', 'end the life of an instrument until it is restarted; it stays wanted', 'parkInstrument'],
  ] as const;
  for (const [name, description, change] of conditional) {
    instrumentCommand(program, name, description)
      .option('--if-version <version>', 'only while `ls --json` still shows this version')
      .action(async (exchange: string, symbol: string, options: NodeOptions & { ifVersion?: string }) => {
        const changes = await import('./operator/change-instruments.ts');
        const { ifVersion } = options;
        await changes[change]({ ...(await connect(options)), exchange, symbol, ifVersion });
      });
  }
  instrumentCommand(program, 'configure', 'show how an instrument is published, or replace what is its own')
    .argument('[name=value...]', 'such as bookIntervalMs=500 bookDepth=10; together all that is otherwise')
    .option('--reset', 'nothing of it is its own any more')
    .option('--if-version <version>', 'only while `ls --json` still shows this version')
    .action(
      async (
        exchange: string,
        symbol: string,
        assignments: string[],
        options: NodeOptions & { ifVersion?: string; reset?: true },
      ) => {
        const { configureInstrument } = await import('./operator/configure-instrument.ts');
        const { ifVersion, reset } = options;
        const asked = { exchange, symbol, assignments, ifVersion, isReset: reset === true };
        await configureInstrument({ ...(await connect(options)), ...asked });
      },
    );
  instrumentCommand(program, 'resync', 'ask the exchange for a fresh book').action(
    async (exchange: string, symbol: string, options: NodeOptions) => {
      const { resyncInstrument } = await import('./operator/change-instruments.ts');
      await resyncInstrument({ ...(await connect(options)), exchange, symbol });
    },
  );
}

function addSavepointCommand(program: Command): void {
  const instead = (flags: string, description: string, others: readonly string[]): Option =>
    new Option(flags, description).argParser(parseWhole).conflicts([...others]);
  instrumentCommand(program, 'savepoint', 'save the state of an instrument, kept until it is deleted')
    .option('--list', 'list those that are kept instead')
    .addOption(
      instead('--restore <batch>', 'go back to that one instead, with every trade stored since', ['list']),
    )
    .addOption(instead('--delete <batch>', 'delete that one instead', ['list', 'restore']))
    .action(
      async (
        exchange: string,
        symbol: string,
        options: NodeOptions & { list?: boolean; restore?: number; delete?: number },
      ) => {
        const savepoints = await import('./operator/savepoints.ts');
        const target = { ...(await connect(options)), exchange, symbol };
        if (options.list === true) await savepoints.listSavepoints(target);
        else if (options.restore !== undefined)
          await savepoints.restoreSavepoint({ ...target, batchNumber: options.restore });
        else if (options.delete !== undefined)
          await savepoints.deleteSavepoint({ ...target, batchNumber: options.delete });
        else await savepoints.takeSavepoint(target);
      },
    );
}

function addLocalCommands(program: Command): void {
  program
    .command('doctor')
    .description('check settings, Postgres, Redis, clocks, exchanges, disk and the node, and say what to do')
    .option('--config <file>', 'settings file (YAML)')
    .option('--set <name=value>', 'one setting, as in docs/settings.md; may be repeated', collect, [])
    .option('--exchange <name>', 'an exchange to reach; may be repeated', collect, [])
    .addOption(
      new Option('--url <url>', 'of the node; that of the settings when absent').env(NODE_URL_VARIABLE),
    )
    .option('--json', 'for scripts', false)
    .action(
      async (options: {
        config?: string;
        set: string[];
        exchange: string[];
        url?: string;
        json: boolean;
      }) => {
        const [{ doctor }, { standardOutput }] = await Promise.all([
          import('./doctor/doctor.ts'),
          import('./operator/screen.ts'),
        ]);
        process.exitCode = await doctor({
          screen: standardOutput,
          isJson: options.json,
          config: options.config,
          set: options.set,
          environment: process.env,
          url: options.url,
          exchanges: options.exchange,
        });
      },
    );

  program
    .command('completion')
    .description('print a script that lets a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./operator/completion.ts');
      process.stdout.write(completionScript(program, shell));
    });
}

/** Options that say which instruments are meant, and in which order. */
function chosen(command: Command): Command {
  return command
    .option('--exchange <name>', 'of one exchange')
    .addOption(new Option('--status <status>', 'of the actor').choices(ACTOR_STATUSES))
    .addOption(new Option('--book <status>', 'of the book').choices(['empty', 'live', 'stale']))
    .option('--contains <text>', 'part of the symbol, in any case')
    .addOption(
      new Option('--sort <order>', '- turns it round').choices(INSTRUMENT_ORDERS).default('instrument'),
    );
}

function queryOf({ exchange, status, book, contains, sort }: InstrumentsQuery): InstrumentsQuery {
  return { exchange, status, book, contains, sort };
}

function asking(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(
      new Option('--url <url>', 'of the node').env(NODE_URL_VARIABLE).default('http://127.0.0.1:8080'),
    )
    .option('--token-file <file>', 'file that holds the token (else TAMPINES_ADMIN_TOKEN)')
    .option('--json', 'for scripts', false);
}

function instrumentCommand(program: Command, name: string, description: string): Command {
  return asking(program, name, description)
    .argument('<exchange>', 'such as binance')
    .argument('<symbol>', 'BASE-QUOTE, such as BTC-USDT');
}

async function connect({ url, tokenFile, json: isJson }: NodeOptions) {
  const [{ AdminClient, readToken }, { standardOutput }] = await Promise.all([
    import('./operator/admin-client.ts'),
    import('./operator/screen.ts'),
  ]);
  const token = readToken(tokenFile, process.env);
  return { client: new AdminClient({ url, token, isJson }), screen: standardOutput, isJson };
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
