/** Claims, journal and state snapshots in the Postgres model. Each statement sees and changes the tables in one step, as its locks would make it. */
import pg from 'pg';
import type { SqlValue } from '../../../src/persistence/database.ts';
import type { KnownStatement, StatementContext, StatementResult } from './postgres-server.ts';
import type { JournalRow, SnapshotRow } from './postgres-tables.ts';

const APPEND_COLUMNS = 5;

export const JOURNAL_STATEMENTS: readonly KnownStatement[] = [
  [
    'INSERT INTO shard AS held (id, epoch, owner) VALUES ($1, 1, $2) ON CONFLICT (id) DO UPDATE SET epoch = held.epoch + 1',
    claim,
  ],
  ['SELECT epoch, owner, floor(extract(epoch FROM claimed_at)', readHolder],
  // The fence is read from the text: a statement without it writes without it, and the checks find that.
  [
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\) INSERT INTO journal/,
    append,
  ],
  [
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\), saved AS/,
    saveSnapshot,
  ],
  [
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\), others AS/,
    saveSavepoint,
  ],
  [
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\), deleted AS/,
    deleteSavepoint,
  ],
  ['SELECT batch_number AS "batchNumber", position, floor(extract(epoch FROM saved_at)', listSavepoints],
  ['SELECT count(*) AS count FROM unnest($2::int[], $3::bigint[], $4::int[])', countWritten],
  [
    'SELECT wanted.place, found.* FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (instrument_id, after, place)',
    readBatches,
  ],
  [
    'SELECT wanted.place, found.* FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (instrument_id, below, place)',
    readSnapshots,
  ],
  ['DELETE FROM journal WHERE instrument_id = $1 AND batch_number <=', prune],
  ['SELECT greatest( (SELECT max(batch_number) FROM journal', readEnds],
];

function claim(
  { tables, history, nowMs }: StatementContext,
  [id, owner]: readonly SqlValue[],
): StatementResult {
  const shard = id as number;
  const held = tables.shards.get(shard);
  const row = { epoch: (held?.epoch ?? 0) + 1, owner: String(owner), claimedAtMs: nowMs };
  tables.shards.set(shard, row);
  history.claims.push({
    order: history.nextOrder(),
    timeMs: nowMs,
    shard,
    epoch: row.epoch,
    owner: row.owner,
  });
  return { rows: [{ epoch: row.epoch }], rowCount: 1 };
}

function readHolder({ tables }: StatementContext, [id]: readonly SqlValue[]): StatementResult {
  const held = tables.shards.get(id as number);
  return { rows: held === undefined ? [] : [{ ...held }] };
}

/** Whether the statement's fence lets it write. The epoch that it names is compared only where its text does so. */
function holdsFence({ tables, text }: StatementContext, [shard, epoch]: readonly SqlValue[]): boolean {
  const held = tables.shards.get(shard as number);
  return held !== undefined && (!text.includes('AND epoch = $2') || held.epoch === epoch);
}

function append(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  const { tables, history, nowMs } = context;
  if (!holdsFence(context, values)) return { rowCount: 0 };
  const shardEpoch = tables.shards.get(values[0] as number)!.epoch;
  const rows: { instrumentId: number; row: JournalRow }[] = [];
  for (let at = 2; at < values.length; at += APPEND_COLUMNS) {
    if (values[at] === null) continue;
    const [instrumentId, batchNumber, schemaId, checksum, entry] = values.slice(at, at + APPEND_COLUMNS);
    rows.push({
      instrumentId: instrumentId as number,
      row: {
        batchNumber: batchNumber as number,
        epoch: values[1] as number,
        schemaId: schemaId as string,
        checksum: checksum as number,
        entry: entry as Uint8Array,
      },
    });
  }
  for (const { instrumentId, row } of rows) {
    if (tables.journalOf(instrumentId).has(row.batchNumber)) {
      throw uniqueViolation(`journal_pkey: (${instrumentId}, ${row.batchNumber})`);
    }
  }
  for (const { instrumentId, row } of rows) {
    tables.journalOf(instrumentId).set(row.batchNumber, row);
    // A statement that lay in the server for long writes a row again that two snapshots contain already: nobody will read it.
    if (row.batchNumber <= (tables.prunedTo.get(instrumentId) ?? 0)) continue;
    history.appends.push({
      ...row,
      order: history.nextOrder(),
      timeMs: nowMs,
      instrument: tables.keyOf(instrumentId),
      shardEpoch,
    });
  }
  return { rowCount: rows.length };
}

function uniqueViolation(what: string): pg.DatabaseError {
  const error = new pg.DatabaseError(`duplicate key value violates unique constraint ${what}`, 0, 'error');
  error.code = '23505';
  return error;
}

function countWritten({ tables }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const [epoch, instrumentIds, batchNumbers, checksums] = values as [number, number[], number[], number[]];
  let count = 0;
  instrumentIds.forEach((instrumentId, index) => {
    const row = tables.journals.get(instrumentId)?.get(batchNumbers[index]!);
    if (row?.epoch === epoch && row.checksum === checksums[index]) count++;
  });
  return { rows: [{ count }] };
}

function readBatches({ tables, text }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const limit = Number(/LIMIT (\d+)/.exec(text)?.[1] ?? Infinity);
  const [instrumentIds, afters] = values as [number[], number[]];
  const rows = instrumentIds.flatMap((instrumentId, index) =>
    [...(tables.journals.get(instrumentId)?.values() ?? [])]
      .filter(({ batchNumber }) => batchNumber > afters[index]!)
      .sort((a, b) => a.batchNumber - b.batchNumber)
      .slice(0, limit)
      .map((row) => ({ place: index + 1, ...row })),
  );
  return { rows };
}

function readSnapshots({ tables }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const [instrumentIds, belows] = values as [number[], number[]];
  const rows = instrumentIds.flatMap((instrumentId, index) => {
    const row = tables.snapshotsOf(instrumentId).findLast(({ batchNumber }) => batchNumber < belows[index]!);
    return row === undefined ? [] : [{ place: index + 1, ...row }];
  });
  return { rows };
}

function saveSnapshot(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  if (!holdsFence(context, values)) return { rows: [{ saved: 0 }] };
  const { tables, history, nowMs } = context;
  const [shard, epoch, instrumentId, batchNumber, position, schemaId, sha256, state] = values as [
    number, number, number, number, number, string, Uint8Array, Uint8Array,
  ]; // prettier-ignore
  const before = tables.snapshotsOf(instrumentId);
  const isSavepoint = before.some((each) => each.batchNumber === batchNumber && each.isSavepoint);
  const row: SnapshotRow = { batchNumber, position, epoch, schemaId, sha256, state, isSavepoint };
  // Kept: savepoints, the new one, the newest before it, and whatever is newer.
  const keptFrom = before.findLast((each) => !each.isSavepoint && each.batchNumber < batchNumber);
  const kept = before.filter((each) => each.isSavepoint || each.batchNumber >= (keptFrom?.batchNumber ?? 0));
  putSnapshot(context, instrumentId, kept, row);
  history.snapshots.push({
    ...row,
    order: history.nextOrder(),
    timeMs: nowMs,
    instrument: tables.keyOf(instrumentId),
    shardEpoch: tables.shards.get(shard)!.epoch,
  });
  return { rows: [{ saved: 1 }] };
}

function putSnapshot(
  { tables }: StatementContext,
  instrumentId: number,
  others: readonly SnapshotRow[],
  row: SnapshotRow,
): void {
  const rows = [...others.filter(({ batchNumber }) => batchNumber !== row.batchNumber), row];
  tables.snapshots.set(
    instrumentId,
    rows.sort((a, b) => a.batchNumber - b.batchNumber),
  );
}

function saveSavepoint(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  if (!holdsFence(context, values)) return { rows: [{ held: 0, saved: 0 }] };
  const [, epoch, instrumentId, batchNumber, position, schemaId, sha256, state] = values as [
    number, number, number, number, number, string, Uint8Array, Uint8Array,
  ]; // prettier-ignore
  const before = context.tables.snapshotsOf(instrumentId);
  const limit = Number(/others\.kept < (\d+)/.exec(context.text)?.[1] ?? Infinity);
  const others = before.filter((each) => each.isSavepoint && each.batchNumber !== batchNumber);
  if (others.length >= limit) return { rows: [{ held: 1, saved: 0 }] };
  const row = { batchNumber, position, epoch, schemaId, sha256, state, isSavepoint: true };
  putSnapshot(context, instrumentId, before, row);
  return { rows: [{ held: 1, saved: 1 }] };
}

function deleteSavepoint(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  if (!holdsFence(context, values)) return { rows: [{ held: 0, deleted: 0 }] };
  const [, , instrumentId, batchNumber] = values as [number, number, number, number];
  const before = context.tables.snapshotsOf(instrumentId);
  const left = before.filter((each) => !(each.isSavepoint && each.batchNumber === batchNumber));
  context.tables.snapshots.set(instrumentId, left);
  return { rows: [{ held: 1, deleted: before.length - left.length }] };
}

function listSavepoints({ tables, nowMs }: StatementContext, [id]: readonly SqlValue[]): StatementResult {
  const rows = tables
    .snapshotsOf(id as number)
    .filter(({ isSavepoint }) => isSavepoint)
    .reverse()
    .map(({ batchNumber, position, state }) => ({
      batchNumber,
      position,
      savedAtMs: nowMs,
      sizeBytes: state.length,
    }));
  return { rows };
}

function prune({ tables, text }: StatementContext, [id]: readonly SqlValue[]): StatementResult {
  const instrumentId = id as number;
  const offset = Number(/OFFSET (\d+)/.exec(text)?.[1] ?? 0);
  const ordinary = tables.snapshotsOf(instrumentId).filter(({ isSavepoint }) => !isSavepoint);
  const oldestKept = ordinary.at(-1 - offset);
  if (oldestKept === undefined) return { rowCount: 0 };
  const journal = tables.journalOf(instrumentId);
  tables.prunedTo.set(instrumentId, Math.max(oldestKept.batchNumber, tables.prunedTo.get(instrumentId) ?? 0));
  let rowCount = 0;
  for (const batchNumber of journal.keys()) {
    if (batchNumber <= oldestKept.batchNumber && journal.delete(batchNumber)) rowCount++;
  }
  return { rowCount };
}

function readEnds({ tables }: StatementContext, [instrumentIds]: readonly SqlValue[]): StatementResult {
  const rows = (instrumentIds as number[]).map((instrumentId) => {
    const numbers = [
      ...(tables.journals.get(instrumentId)?.keys() ?? []),
      ...tables.snapshotsOf(instrumentId).map(({ batchNumber }) => batchNumber),
    ];
    return { last: numbers.length === 0 ? null : Math.max(...numbers) };
  });
  return { rows };
}
