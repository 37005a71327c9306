/** Where the log of each shard is needed from, in the Postgres model. As elsewhere a statement's fence is read from its text. */
import type { SqlValue } from '../../../src/persistence/database.ts';
import type { KnownStatement, StatementContext, StatementResult } from './postgres-server.ts';

export const SHARD_STATEMENTS: readonly KnownStatement[] = [
  [/^SELECT next_position AS "nextOffset" FROM shard WHERE id = \$1( AND epoch = \$2)?$/, readPosition],
  [/^UPDATE shard SET next_position = .* WHERE id = \$1( AND epoch = \$2)?$/, savePosition],
  ['SELECT id, epoch FROM shard WHERE id = ANY($1::int[])', readEpochs],
  // The log of the simulation is never moved.
  ['SELECT generation FROM event_log', () => ({ rows: [{ generation: 0 }] })],
];

function findHeld({ tables, text }: StatementContext, [id, epoch]: readonly SqlValue[]) {
  const held = tables.shards.get(id as number);
  return text.includes('AND epoch = $2') && held?.epoch !== epoch ? undefined : held;
}

function readPosition(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  const held = findHeld(context, values);
  return { rows: held === undefined ? [] : [{ nextOffset: held.nextPosition }] };
}

function savePosition(context: StatementContext, values: readonly SqlValue[]): StatementResult {
  const held = findHeld(context, values);
  if (held === undefined) return { rowCount: 0 };
  const { tables, history, nowMs, text } = context;
  const [shard, epoch, given] = values as [number, number, number];
  const nextOffset = text.includes('greatest(next_position, $3)')
    ? Math.max(held.nextPosition, given)
    : given;
  tables.shards.set(shard, { ...held, nextPosition: nextOffset });
  const order = history.nextOrder();
  history.positions.push({ order, timeMs: nowMs, shard, epoch, shardEpoch: held.epoch, nextOffset });
  return { rowCount: 1 };
}

function readEpochs({ tables }: StatementContext, [ids]: readonly SqlValue[]): StatementResult {
  const rows = (ids as number[]).flatMap((id) => {
    const held = tables.shards.get(id);
    return held === undefined ? [] : [{ id, epoch: held.epoch }];
  });
  return { rows };
}
