/** `tampines doctor`: whether a node can do its work with these settings on this machine, and what to do where it can't. */
import { hasErrorCode } from '../../base/errors.ts';
import { liveAdapters } from '../../build-core.ts';
import type { Settings } from '../../settings-schema.ts';
import { checkRoles, loadSettings } from '../../settings.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Screen } from '../operator/screen.ts';
import { writeJson, writeLines } from '../operator/screen.ts';
import type { Column } from '../text-table.ts';
import { formatTable } from '../text-table.ts';
import { checkExchange } from './check-exchanges.ts';
import { checkKafka } from './check-kafka.ts';
import { checkNode } from './check-node.ts';
import { checkDisk, checkPostgres, checkRedis } from './check-storage.ts';
import type { Finding } from './finding.ts';
import { fail, ok, warn } from './finding.ts';

export type DoctorOptions = {
  readonly screen: Screen;
  readonly isJson: boolean;
  readonly config: string | undefined;
  readonly set: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of the node; that of the settings when absent. */
  readonly url: string | undefined;
  /** Names of exchanges to reach; empty: those that the settings name by their instruments, else by their addresses. */
  readonly exchanges: readonly string[];
};

const COLUMNS: readonly Column<Finding>[] = [
  { title: '', text: ({ verdict }) => verdict },
  { title: 'CHECK', text: ({ check }) => check },
  { title: 'FOUND', text: ({ found }) => found },
];

/** Returns the exit code: `failed` when any check failed; warnings alone are no failure. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const findings = await examine(options);
  const failedCount = findings.filter(({ verdict }) => verdict === 'fail').length;
  if (options.isJson) writeJson(options.screen, { isHealthy: failedCount === 0, findings });
  else writeLines(options.screen, describe(findings));
  return failedCount === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
}

async function examine({ config, environment, set, url, exchanges }: DoctorOptions): Promise<Finding[]> {
  let settings: Settings;
  try {
    const loaded = loadSettings({ file: config, environment, assignments: set });
    ({ settings } = loaded);
    checkRoles(settings, loaded.origins);
  } catch (error) {
    if (!hasErrorCode(error, 'SETTINGS_INVALID')) throw error;
    return [
      fail('settings', error.message, 'mend it (docs/settings.md); the other checks need the settings'),
    ];
  }
  const { host, port } = settings.admin;
  const checks = await Promise.all([
    checkDisk(settings),
    checkPostgres(settings),
    checkRedis(settings),
    checkKafka(settings),
    checkNode(url ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`),
    ...chooseExchanges(settings, exchanges),
  ]);
  return [...checkSettings(settings), ...checks.flat()];
}

function checkSettings({ exchanges, instruments }: Settings): Finding[] {
  const known = new Set(liveAdapters().map(({ exchange }) => exchange as string));
  const named = [...Object.keys(exchanges), ...instruments.map(exchangeOf)];
  const unknown = [...new Set(named)].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const toDo = `name one of ${[...known].join(', ')}`;
    return [fail('settings', `no such exchange: ${unknown.join(', ')}`, toDo)];
  }
  if (instruments.length > 0) return [ok('settings', `valid, ${instruments.length} instruments wanted`)];
  return [ok('settings', 'valid, no instruments wanted beside those spawned over REST')];
}

/** Nine exchanges that nobody follows are nobody's business: only those are asked that are named. */
function chooseExchanges(settings: Settings, asked: readonly string[]): Promise<Finding[]>[] {
  const wanted = settings.instruments.map(exchangeOf);
  const named = [asked, wanted, Object.keys(settings.exchanges)].find(({ length }) => length > 0) ?? [];
  if (named.length === 0) {
    const found = 'none was asked: the settings name no instrument; `--exchange kraken` asks one';
    return [Promise.resolve([ok('exchanges', found)])];
  }
  const adapters = liveAdapters().filter(({ exchange }) => named.includes(exchange as string));
  const unknown = asked.filter((name) => !adapters.some(({ exchange }) => exchange === name));
  return [
    ...adapters.map((adapter) => checkExchange(adapter, settings)),
    ...unknown.map((name) =>
      Promise.resolve([warn(`exchange ${name}`, 'there is no such exchange', 'leave it out')]),
    ),
  ];
}

function exchangeOf(instrument: string): string {
  return instrument.slice(0, instrument.indexOf(':'));
}

function describe(findings: readonly Finding[]): string[] {
  const toDo = findings.filter(({ verdict }) => verdict !== 'ok');
  return [
    ...formatTable(COLUMNS, findings),
    '',
    ...(toDo.length === 0
      ? ['Nothing to do.']
      : ['To do:', ...toDo.map((finding) => `  ${finding.check}: ${finding.toDo}`)]),
  ];
}
