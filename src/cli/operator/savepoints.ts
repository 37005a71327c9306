/** `tampines savepoint`: takes one, lists them, goes back to one, deletes one. */
import { restoredSchema, savepointSchema, savepointsSchema } from '../../admin/operations-schemas.ts';
import type { Column } from '../text-table.ts';
import { formatTable } from '../text-table.ts';
import type { z } from 'zod';
import { instrumentPath } from './admin-client.ts';
import type { ChangeOptions } from './change-instruments.ts';
import { tellChange } from './change-instruments.ts';
import { writeJson, writeLines } from './screen.ts';
import { formatTime } from './event-columns.ts';

type Savepoint = z.output<typeof savepointsSchema>['savepoints'][number];

const COLUMNS: readonly Column<Savepoint>[] = [
  { title: 'BATCH', text: ({ batchNumber }) => String(batchNumber), isRight: true },
  { title: 'POSITION', text: ({ position }) => String(position), isRight: true },
  { title: 'SAVED (UTC)', text: ({ savedAtMs }) => formatTime(savedAtMs) },
  { title: 'BYTES', text: ({ sizeBytes }) => String(sizeBytes), isRight: true },
];

export async function takeSavepoint(options: ChangeOptions): Promise<void> {
  const { client, screen, isJson, exchange, symbol } = options;
  const taken = await client.read(
    { method: 'POST', path: `${instrumentPath(exchange, symbol)}/savepoint` },
    savepointSchema,
  );
  if (isJson) writeJson(screen, taken);
  else {
    const { batchNumber, position } = taken;
    writeLines(screen, [`${exchange}:${symbol} saved at batch ${batchNumber}, position ${position}`]);
  }
}

export async function listSavepoints(options: ChangeOptions): Promise<void> {
  const { client, screen, isJson, exchange, symbol } = options;
  const path = `${instrumentPath(exchange, symbol)}/savepoints`;
  const list = await client.read({ method: 'GET', path }, savepointsSchema);
  if (isJson) writeJson(screen, list);
  else if (list.savepoints.length === 0) writeLines(screen, ['No savepoint is kept.']);
  else writeLines(screen, formatTable(COLUMNS, list.savepoints, { widthMax: screen.width }));
}

type NamedSavepoint = ChangeOptions & { readonly batchNumber: number };

export async function restoreSavepoint(options: NamedSavepoint): Promise<void> {
  const { client, screen, isJson, exchange, symbol, batchNumber } = options;
  const path = `${instrumentPath(exchange, symbol)}/savepoints/${batchNumber}/restore`;
  const restored = await client.read({ method: 'POST', path }, restoredSchema);
  if (isJson) writeJson(screen, restored);
  else {
    writeLines(screen, [
      `${exchange}:${symbol} went back to its savepoint of batch ${batchNumber}; ${restored.tradeCount} stored trades were read`,
    ]);
  }
}

export async function deleteSavepoint(options: NamedSavepoint): Promise<void> {
  const { client, exchange, symbol, batchNumber } = options;
  await client.send({
    method: 'DELETE',
    path: `${instrumentPath(exchange, symbol)}/savepoints/${batchNumber}`,
  });
  tellChange(options, 'savepoint deleted', `its log and checkpoints stay`);
}
