/** Claims, journal and state snapshots in the Postgres model. Each statement sees and changes the tables in one step, as its locks would make it. */
import pg from 'pg';
import type { SqlValue } from '../../../src/persistence/database.ts';
import type { KnownStatement, StatementContext, StatementResult } from './postgres-server.ts';
import type { JournalRow, SnapshotRow } from './postgres-tables.ts';

const APPEND_COLUMNS = 5;
const SNAPSHOT_COLUMNS = 6;

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
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\), given /,
    saveSnapshots,
  ],
  [
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\), others /,
    saveSavepoint,
  ],
  [
    /^WITH fence AS MATERIALIZED \(SELECT epoch FROM shard WHERE id = \$1( AND epoch = \$2)?( FOR SHARE)?\), deleted /,
    deleteSavepoint,
  ],
  ['SELECT batch_number AS "batchNumber", position, floor(extract(epoch FROM saved_at)', listSavepoints],
  ['SELECT batch_number AS "batchNumber", position, schema_id', readSavepoint],
  ['SELECT count(*) AS count FROM unnest($2::int[], $3::bigint[], $4::int[])', countWritten],
  [
    'SELECT wanted.place, found.* FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (instrument_id, after, place)',
    readBatches,
  ],
  [
    'SELECT wanted.place, found.* FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (instrument_id, below, place)',
    readSnapshots,
  ],
  ['DELETE FROM journal AS batch USING', prune],
  ['SELECT greatest( (SELECT max(batch_number) FROM journal', readEnds],
];

function claim(
  { tables, history, nowMs }: StatementContext,
  [id, owner]: readonly SqlValue[],
): StatementResult {
  const shard = id as number;
  const held = tables.shards.get(shard);
  const row = {
    epoch: (held?.epoch ?? 0) + 1,
    owner: String(owner),
    claimedAtMs: nowMs,
    nextPosition: held?.nextPosition ?? 0,
  };
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

function readSnapshots({ tables, history }: StatementContext, values: readonly SqlValue[]): StatementResult {
  const [instrumentIds, belows] = values as [number[], number[]];
  const rows = instrumentIds.flatMap((instrumentId, index) => {
    const row = tables.snapshotsOf(instrumentId).findLast(({ batchNumber }) => batchNumber < belows[index]!);
    if (row?.isDamaged === true) history.damagedReadCount++;
    return row === undefined ? [] : [{ place: index + 1, ...row }];
  });
  return { rows };
}

function saveSnapshots(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  if (!holdsFence(context, values)) return { rows: [{ saved: 0 }] };
  const [shard, epoch] = values as [number, number];
  let saved = 0;
  for (let at = 2; at < values.length; at += SNAPSHOT_COLUMNS) {
    if (values[at] === null) continue;
    const [instrumentId, batchNumber, position, schemaId, sha256, state] = values.slice(at) as [
      number, number, number, string, Uint8Array, Uint8Array,
    ]; // prettier-ignore
    saveSnapshot(context, {
      shard,
      instrumentId,
      row: {
        ...{ batchNumber, position, epoch, schemaId, sha256, state, savedAtMs: context.nowMs },
        // One that is saved again stays what it was.
        isSavepoint: isSavepoint(context, instrumentId, batchNumber),
      },
    });
    saved++;
  }
  return { rows: [{ saved }] };
}

function saveSnapshot(
  { tables, history, nowMs }: StatementContext,
  { shard, instrumentId, row }: { shard: number; instrumentId: number; row: SnapshotRow },
): void {
  const others = tables.snapshotsOf(instrumentId).filter((each) => each.batchNumber !== row.batchNumber);
  const before = others.findLast((each) => !each.isSavepoint && each.batchNumber < row.batchNumber);
  // Kept: the new one, the newest before it, whatever is newer, and savepoints.
  const kept = row.isSavepoint
    ? others
    : others.filter((each) => each.isSavepoint || each.batchNumber >= (before ?? row).batchNumber);
  tables.snapshots.set(
    instrumentId,
    [...kept, row].sort((a, b) => a.batchNumber - b.batchNumber),
  );
  history.snapshots.push({
    ...row,
    order: history.nextOrder(),
    timeMs: nowMs,
    instrument: tables.keyOf(instrumentId),
    shardEpoch: tables.shards.get(shard)!.epoch,
  });
}

function isSavepoint({ tables }: StatementContext, instrumentId: number, batchNumber: number): boolean {
  return tables
    .snapshotsOf(instrumentId)
    .some((each) => each.batchNumber === batchNumber && each.isSavepoint);
}

function saveSavepoint(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  if (!holdsFence(context, values)) return { rows: [{ held: 0, saved: 0 }] };
  const [shard, epoch, instrumentId, batchNumber, position, schemaId, sha256, state] = values as [
    number, number, number, number, number, string, Uint8Array, Uint8Array,
  ]; // prettier-ignore
  const keptMax = Number(/others\.kept < (\d+)/.exec(context.text)?.[1] ?? Infinity);
  const others = context.tables
    .snapshotsOf(instrumentId)
    .filter((each) => each.isSavepoint && each.batchNumber !== batchNumber);
  if (others.length >= keptMax) return { rows: [{ held: 1, saved: 0 }] };
  const row = { batchNumber, position, epoch, schemaId, sha256, state, savedAtMs: context.nowMs };
  saveSnapshot(context, { shard, instrumentId, row: { ...row, isSavepoint: true } });
  return { rows: [{ held: 1, saved: 1 }] };
}

function deleteSavepoint(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  if (!holdsFence(context, values)) return { rows: [{ held: 0, deleted: 0 }] };
  const [, , instrumentId, batchNumber] = values as number[];
  const deleted = isSavepoint(context, instrumentId!, batchNumber!) ? 1 : 0;
  const left = context.tables
    .snapshotsOf(instrumentId!)
    .filter((each) => !(each.isSavepoint && each.batchNumber === batchNumber));
  context.tables.snapshots.set(instrumentId!, left);
  return { rows: [{ held: 1, deleted }] };
}

function listSavepoints(
  { tables, text }: StatementContext,
  [instrumentId]: readonly SqlValue[],
): StatementResult {
  const limit = Number(/LIMIT (\d+)/.exec(text)?.[1] ?? Infinity);
  const rows = tables
    .snapshotsOf(instrumentId as number)
    .filter((each) => each.isSavepoint)
    .toReversed()
    .slice(0, limit)
    .map(({ batchNumber, position, savedAtMs, state }) => ({
      ...{ batchNumber, position, savedAtMs: Math.floor(savedAtMs), sizeBytes: state.length },
    }));
  return { rows };
}

function readSavepoint(
  { tables }: StatementContext,
  [instrumentId, batchNumber]: readonly SqlValue[],
): StatementResult {
  const rows = tables
    .snapshotsOf(instrumentId as number)
    .filter((each) => each.isSavepoint && each.batchNumber === batchNumber)
    .map(({ position, schemaId, sha256, state }) => ({ batchNumber, position, schemaId, sha256, state }));
  return { rows };
}

function prune({ tables, text }: StatementContext, [ids]: readonly SqlValue[]): StatementResult {
  const offset = Number(/OFFSET (\d+)/.exec(text)?.[1] ?? 0);
  let rowCount = 0;
  for (const instrumentId of ids as number[]) {
    const oldestKept = tables
      .snapshotsOf(instrumentId)
      .filter((each) => !each.isSavepoint)
      .at(-1 - offset);
    if (oldestKept === undefined) continue;
    const journal = tables.journalOf(instrumentId);
    const prunedTo = Math.max(oldestKept.batchNumber, tables.prunedTo.get(instrumentId) ?? 0);
    tables.prunedTo.set(instrumentId, prunedTo);
    for (const batchNumber of journal.keys()) {
      if (batchNumber <= oldestKept.batchNumber && journal.delete(batchNumber)) rowCount++;
    }
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
