/**
 * What went wrong, in the words a supervisor decides by. Four classes of error, and the record of one failure.
 */
import { TampinesError } from '../base/errors.ts';

/**
 * - `transient`: the world is to blame (a service is away, an outcome is unknown); the same message may be sent again unchanged.
 * - `poison`: the message is to blame; it goes to the dead letters and the actor goes on.
 * - `fatal`: the actor's state can't be trusted any more; it starts again, from its log where it has one.
 * - `fenced`: somebody newer owns the work; the actor stops and leaves everything as it is.
 */
export type ErrorClass = 'transient' | 'poison' | 'fatal' | 'fenced';

export type FailureRecord = {
  /** Unix milliseconds, to be read by people. */
  readonly atMs: number;
  /** Decisions depend on how far failures lie apart, and a wall clock that is set would change that. */
  readonly monotonicMs: number;
  readonly errorClass: ErrorClass;
  /** One line: the error's name and message. */
  readonly cause: string;
  /** Number of this failure in its run, from 1; a run ends when the actor stays well for the strategy's reset time. */
  readonly attempt: number;
};

/** Marks a message that can never be handled: its actor throws this to have it set aside as a dead letter. */
export class PoisonMessageError extends Error {
  override readonly name = 'PoisonMessageError';

  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
  }
}

/**
 * Returns the class of any thrown value: `FENCED` is fenced, `OUTCOME_UNKNOWN`, `SERVICE_UNAVAILABLE` and everything marked retryable are
 * transient, `PoisonMessageError` is poison, all else is fatal.
 */
export function classifyError(error: unknown): ErrorClass {
  if (error instanceof PoisonMessageError) return 'poison';
  if (!(error instanceof TampinesError)) return 'fatal';
  if (error.code === 'FENCED') return 'fenced';
  if (error.code === 'OUTCOME_UNKNOWN' || error.code === 'SERVICE_UNAVAILABLE' || error.isRetryable) {
    return 'transient';
  }
  return 'fatal';
}

const CAUSE_MAX_CHARACTERS = 500;

/** Returns one line of at most 500 characters about any thrown value, for logs and records. */
export function describeCause(error: unknown): string {
  const text =
    error instanceof TampinesError
      ? `${error.code}: ${error.message}`
      : error instanceof Error
        ? `${error.name}: ${error.message}`
        : `thrown ${describeValue(error)}`;
  const line = text.replace(/\s+/g, ' ');
  return line.length <= CAUSE_MAX_CHARACTERS ? line : `${line.slice(0, CAUSE_MAX_CHARACTERS - 1)}…`;
}

function describeValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'an object that is no Error';
  return String(value);
}
