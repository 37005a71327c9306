/** `tampines spawn`, `stop`, `restart`, `park` and `resync`: changes of instruments. */
import type { z } from 'zod';
import { instrumentSchema, spawnResultsSchema } from '../../admin/operations-schemas.ts';
import { EXIT_CODES } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Column } from '../text-table.ts';
import { formatTable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import { instrumentPath } from './admin-client.ts';
import type { Screen } from './screen.ts';
import { writeJson, writeLines } from './screen.ts';

export type ChangeOptions = {
  readonly client: AdminClient;
  readonly screen: Screen;
  readonly isJson: boolean;
  readonly exchange: string;
  /** Unified. */
  readonly symbol: string;
};

/** `ifVersion`: made only while the instrument has this version still. */
export type ConditionalChange = ChangeOptions & { readonly ifVersion?: string | undefined };

const RESULT_COLUMNS: readonly Column<z.output<typeof spawnResultsSchema>['results'][number]>[] = [
  { title: 'SYMBOL', text: ({ symbol }) => symbol },
  { title: 'RESULT', text: ({ problem }) => problem?.code ?? 'spawned' },
  { title: 'WHY', text: ({ problem }) => problem?.detail ?? '' },
];

/** Unified symbols or the exchange's own; one is answered as it is, several with a result each. Returns the exit code: `failed` when any of several was refused. */
export async function spawnInstruments({
  symbols,
  ...options
}: Omit<ChangeOptions, 'symbol'> & { readonly symbols: readonly string[] }): Promise<ExitCode> {
  const [symbol] = symbols;
  if (symbol !== undefined && symbols.length === 1) {
    await spawnInstrument({ ...options, symbol });
    return EXIT_CODES.done;
  }
  const { client, screen, isJson, exchange } = options;
  const body = { instruments: symbols.map((each) => ({ exchange, symbol: each })) };
  const answer = await client.read({ method: 'POST', path: '/v1/instruments', body }, spawnResultsSchema);
  const refusedCount = answer.results.filter(({ problem }) => problem !== undefined).length;
  if (isJson) writeJson(screen, answer);
  else {
    writeLines(screen, formatTable(RESULT_COLUMNS, answer.results, { widthMax: screen.width }));
    if (refusedCount > 0) {
      writeLines(screen, [`${refusedCount} of ${answer.results.length} were not spawned, see above`]);
    }
  }
  return refusedCount === 0 ? EXIT_CODES.done : EXIT_CODES.failed;
}

async function spawnInstrument({ client, screen, isJson, exchange, symbol }: ChangeOptions): Promise<void> {
  const body = { exchange, symbol };
  const spawned = await client.read({ method: 'POST', path: '/v1/instruments', body }, instrumentSchema);
  if (isJson) writeJson(screen, spawned);
  else writeLines(screen, [`${spawned.exchange}:${spawned.symbol} spawned, ${spawned.actorStatus}`]);
}

export async function stopInstrument(options: ConditionalChange): Promise<void> {
  const { client, exchange, symbol } = options;
  const path = instrumentPath(exchange, symbol);
  await client.send({ method: 'DELETE', path, headers: conditionOf(options) });
  tellChange(options, 'stopped', 'its log and tables stay');
}

export async function restartInstrument(options: ConditionalChange): Promise<void> {
  const { client, exchange, symbol } = options;
  const path = `${instrumentPath(exchange, symbol)}/restart`;
  await client.send({ method: 'POST', path, headers: conditionOf(options) });
  tellChange(options, 'restarted', 'it recovers from its log');
}

export async function parkInstrument(options: ConditionalChange): Promise<void> {
  const { client, exchange, symbol } = options;
  const path = `${instrumentPath(exchange, symbol)}/park`;
  await client.send({ method: 'POST', path, headers: conditionOf(options) });
  tellChange(options, 'parked', 'it is stale until `tampines restart` starts it again');
}

export async function resyncInstrument(options: ChangeOptions): Promise<void> {
  const { client, exchange, symbol } = options;
  await client.send({ method: 'POST', path: `${instrumentPath(exchange, symbol)}/resync` });
  tellChange(options, 'asked for a fresh book', 'it is stale until the book comes');
}

export function conditionOf({ ifVersion }: ConditionalChange): Record<string, string> {
  return ifVersion === undefined ? {} : { 'if-match': `"${ifVersion}"` };
}

/** Says in one line, or as JSON, what was done. */
export function tellChange(
  { screen, isJson, exchange, symbol }: ChangeOptions,
  done: string,
  remark: string,
): void {
  const instrument = `${exchange}:${symbol}`;
  if (isJson) writeJson(screen, { instrument, done });
  else writeLines(screen, [`${instrument} ${done}; ${remark}`]);
}
