/** The failures that every journal, in Postgres or in memory, reports in the same words. */
import type { ShardClaim } from '../actors/ports.ts';
import { SAVEPOINTS_MAX } from '../actors/ports.ts';
import { TampinesError, hasErrorCode } from '../base/errors.ts';
import type { InstrumentKey } from '../market/symbols.ts';

export function savepointsFullError(instrument: InstrumentKey): TampinesError {
  const message = `Cannot take a savepoint of ${instrument}: ${SAVEPOINTS_MAX} are kept already`;
  return new TampinesError('SAVEPOINTS_FULL', message, { fields: { instrument, limit: SAVEPOINTS_MAX } });
}

export function savepointUnknownError(instrument: InstrumentKey, batchNumber: number): TampinesError {
  const message = `There is no savepoint of ${instrument} at batch ${batchNumber}`;
  return new TampinesError('SAVEPOINT_UNKNOWN', message, { fields: { instrument, batchNumber } });
}

export function fencedError(claim: ShardClaim): TampinesError {
  return new TampinesError(
    'FENCED',
    `Cannot write shard ${claim.shard} under epoch ${claim.epoch}: a newer claim exists`,
    { fields: { shard: claim.shard, epoch: claim.epoch } },
  );
}

export function notNextBatchError(instrument: string, expected: number, batchNumber: number): TampinesError {
  return new TampinesError(
    'JOURNAL_SEQUENCE',
    `Cannot append to the journal of ${instrument}: expected batch ${expected}, was ${batchNumber}`,
    { fields: { instrument, expected, batchNumber } },
  );
}

export function missingBatchError(instrument: string, expected: number, batchNumber: number): TampinesError {
  return new TampinesError(
    'JOURNAL_SEQUENCE',
    `Cannot read the journal of ${instrument}: expected batch ${expected}, was ${batchNumber}`,
    { fields: { instrument, expected, batchNumber } },
  );
}

export function existingBatchError(instrument: string, batchNumber: number, cause: unknown): TampinesError {
  return new TampinesError(
    'JOURNAL_SEQUENCE',
    `Cannot append batch ${batchNumber} of ${instrument}: the journal has one of this number`,
    { cause, fields: { instrument, batchNumber } },
  );
}

/** Returns what the caller of a write gets to know: anything that is not certain is an unknown outcome. */
export function toJournalError(error: unknown): TampinesError {
  if (error instanceof TampinesError && !hasErrorCode(error, 'SERVICE_UNAVAILABLE')) return error;
  return new TampinesError('OUTCOME_UNKNOWN', `Writing to the journal failed: ${String(error)}`, {
    cause: error,
    isRetryable: true,
  });
}
