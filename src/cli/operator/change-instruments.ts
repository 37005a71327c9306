/** `tampines spawn`, `stop`, `restart` and `resync`: one change of one instrument each, answered in one line. */
import { instrumentSchema } from '../../admin/operations-schemas.ts';
import type { AdminClient } from './admin-client.ts';
import { instrumentPath } from './admin-client.ts';
import type { Screen } from './screen.ts';
import { writeJson, writeLines } from './screen.ts';

export type ChangeOptions = {
  readonly client: AdminClient;
  readonly screen: Screen;
  readonly isJson: boolean;
  readonly exchange: string;
  /** Unified; where something is spawned, the exchange's own too. */
  readonly symbol: string;
};

export async function spawnInstrument({
  client,
  screen,
  isJson,
  exchange,
  symbol,
}: ChangeOptions): Promise<void> {
  const spawned = await client.read(
    { method: 'POST', path: '/v1/instruments', body: { exchange, symbol } },
    instrumentSchema,
  );
  if (isJson) writeJson(screen, spawned);
  else writeLines(screen, [`${spawned.exchange}:${spawned.symbol} spawned, ${spawned.actorStatus}`]);
}

export async function stopInstrument(options: ChangeOptions): Promise<void> {
  const { client, exchange, symbol } = options;
  await client.send({ method: 'DELETE', path: instrumentPath(exchange, symbol) });
  tellChange(options, 'stopped', 'its log and tables stay');
}

export async function restartInstrument(options: ChangeOptions): Promise<void> {
  const { client, exchange, symbol } = options;
  await client.send({ method: 'POST', path: `${instrumentPath(exchange, symbol)}/restart` });
  tellChange(options, 'restarted', 'it recovers from its log');
}

export async function resyncInstrument(options: ChangeOptions): Promise<void> {
  const { client, exchange, symbol } = options;
  await client.send({ method: 'POST', path: `${instrumentPath(exchange, symbol)}/resync` });
  tellChange(options, 'asked for a fresh book', 'it is stale until the book came');
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
