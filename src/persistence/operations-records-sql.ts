/** The statements that write records for operators; rows of one kind go in one statement. */
import type { AuditEntry, DeadLetter, FeedGap, SupervisionEvent } from '../actors/ports.ts';
import type { RunStatement } from './database.ts';
import { storableText } from './storable-text.ts';

export type DeadLetterCount = {
  readonly exchange: string;
  readonly reason: string;
  readonly count: number;
};

export async function insertSupervisionEvents(
  run: RunStatement,
  schema: string,
  events: readonly SupervisionEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await run({
    text: `INSERT INTO ${schema}.supervision_event
      (time_ms, path, kind, cause, decision, attempt, delay_ms, recovered_position)
      SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])`,
    values: [
      events.map(({ timeMs }) => timeMs),
      events.map(({ path }) => storableText(path)),
      events.map(({ kind }) => storableText(kind)),
      events.map(({ cause }) => storableText(cause)),
      events.map(({ decision }) => storableText(decision)),
      events.map(({ attempt }) => attempt),
      events.map(({ delayMs }) => Math.round(delayMs)),
      events.map(({ recoveredPosition }) => recoveredPosition ?? null),
    ],
  });
}

/** Returns those that were told before, when their log was read the last time. */
export async function insertDeadLetters(
  run: RunStatement,
  schema: string,
  letters: readonly DeadLetter[],
): Promise<readonly DeadLetter[]> {
  if (letters.length === 0) return [];
  const { rows } = await run<{ place: string | null }>({
    text: `INSERT INTO ${schema}.dead_letter (time_ms, exchange, symbol, reason, detail, text, place)
      SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      ON CONFLICT (place) DO NOTHING RETURNING place`,
    values: [
      letters.map(({ timeMs }) => timeMs),
      letters.map(({ exchange }) => storableText(exchange)),
      letters.map(({ symbol }) => (symbol === undefined ? null : storableText(symbol))),
      letters.map(({ reason }) => storableText(reason)),
      letters.map(({ detail }) => storableText(detail)),
      letters.map(({ text }) => storableText(text)),
      letters.map(({ place }) => (place === undefined ? null : storableText(place))),
    ],
  });
  const told = new Set(rows.map(({ place }) => place));
  return letters.filter(({ place }) => place !== undefined && !told.delete(storableText(place)));
}

export async function addDeadLetterCounts(
  run: RunStatement,
  schema: string,
  counts: readonly DeadLetterCount[],
): Promise<void> {
  if (counts.length === 0) return;
  await run({
    text: `INSERT INTO ${schema}.dead_letter_count AS stored (exchange, reason, count)
      SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
      ON CONFLICT (exchange, reason) DO UPDATE SET count = stored.count + excluded.count`,
    values: [
      counts.map(({ exchange }) => storableText(exchange)),
      counts.map(({ reason }) => storableText(reason)),
      counts.map(({ count }) => count),
    ],
  });
}

/** One that was told before, when its log was read the last time, is not told again. */
export async function insertFeedGaps(
  run: RunStatement,
  schema: string,
  gaps: readonly FeedGap[],
): Promise<void> {
  if (gaps.length === 0) return;
  await run({
    text: `INSERT INTO ${schema}.feed_gap
      (exchange, instrument, channel, from_ms, to_ms, reason, repair, trades_refetched)
      SELECT exchange, instrument, channel, from_ms, to_ms, reason, repair, trades_refetched
      FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[])
        WITH ORDINALITY AS given (exchange, instrument, channel, from_ms, to_ms, reason, repair, trades_refetched, place)
      WHERE NOT EXISTS (
        SELECT FROM ${schema}.feed_gap AS told
        WHERE (told.instrument, told.channel, told.from_ms, told.to_ms, told.reason, told.repair)
          = (given.instrument, given.channel, given.from_ms, given.to_ms, given.reason, given.repair))
      ORDER BY place`,
    values: [
      gaps.map(({ exchange }) => storableText(exchange)),
      gaps.map(({ instrument }) => storableText(instrument)),
      gaps.map(({ channel }) => channel),
      gaps.map(({ fromMs }) => Math.round(fromMs)),
      gaps.map(({ toMs }) => Math.round(toMs)),
      gaps.map(({ reason }) => storableText(reason)),
      gaps.map(({ repair }) => repair),
      gaps.map(({ tradesRefetched }) => tradesRefetched),
    ],
  });
}

export async function insertAudit(
  run: RunStatement,
  schema: string,
  entries: readonly AuditEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  await run({
    text: `INSERT INTO ${schema}.audit (time_ms, who, address, method, path, body, status)
      SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[])`,
    values: [
      entries.map(({ timeMs }) => timeMs),
      entries.map(({ who }) => storableText(who)),
      entries.map(({ address }) => storableText(address)),
      entries.map(({ method }) => storableText(method)),
      entries.map(({ path }) => storableText(path)),
      entries.map(({ body }) => storableText(body)),
      entries.map(({ status }) => status),
    ],
  });
}

/** Keeps about the newest `storedMax` records of each kind. */
export async function dropOldRecords(run: RunStatement, schema: string, storedMax: number): Promise<void> {
  for (const table of ['supervision_event', 'dead_letter', 'feed_gap', 'audit']) {
    await run({
      text: `DELETE FROM ${schema}.${table} WHERE id <= (SELECT max(id) FROM ${schema}.${table}) - $1`,
      values: [storedMax],
    });
  }
}
