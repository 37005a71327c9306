/**
 * One registry of error codes, stable like an API; docs/errors.md lists exactly these. Every error says what was attempted, what was
 * wanted and what was there; nobody compares message texts.
 */
export const ERROR_CODES = {
  FENCED: 'A newer claim on the shard exists; this writer wrote nothing and must stop.',
  OUTCOME_UNKNOWN:
    'The connection was lost at commit; the write may or may not have happened. Recover from the journal.',
  JOURNAL_SEQUENCE: 'A journal batch is not the next one, or one is missing.',
  STATE_UNREADABLE: 'Bytes of a snapshot or journal row are damaged or of an unknown schema.',
  FEED_REQUEST: 'An exchange gave no answer to a REST request.',
  SETTINGS_INVALID: 'A setting is missing, unknown or out of its range; the message names it.',
  UNKNOWN_EXCHANGE: 'No adapter has this name.',
  UNKNOWN_SYMBOL: 'The exchange does not list this symbol.',
  INSTRUMENT_EXISTS: 'The instrument is already running.',
  CHANGED_MEANWHILE: 'The instrument is not as `If-Match` wants it: somebody, or its supervisor, was first.',
  IDEMPOTENCY_KEY_REUSED: 'The `Idempotency-Key` of a request was used for another body.',
  INSTRUMENT_UNKNOWN: 'The instrument is not running here.',
  CHANNEL_UNKNOWN: 'No channel of this node has this name.',
  SAVEPOINTS_FULL: 'As many savepoints of the instrument are kept as may be; delete one first.',
  SAVEPOINT_UNKNOWN: 'No such savepoint of the instrument is kept.',
  SAVEPOINT_NEWEST:
    'Nothing has come for the instrument since its newest savepoint, whose place a restored state would take.',
  NODE_NAME_TAKEN: 'Another process of this name is a node of the cluster already.',
  DATA_DIRECTORY_LOCKED: 'Another process has the data directory open.',
  RECORDING_INVALID: 'A recording can not be read.',
  MIGRATION_MISMATCH: 'The database was migrated by another version; nothing was changed.',
  EVENT_TOPIC_UNFIT:
    'The Kafka topic of events is not as the settings want it; the message says what to change.',
  EVENT_LOG_LOST: 'The log of events ends before what was read of it already: its topic was made anew.',
  EVENT_LOG_MOVED: 'Another topic has taken the place of the log of events that this process works by.',
  EVENT_LOG_SHORT:
    'The log of events no longer reaches back to what is in no state snapshot yet, or to the state asked for.',
  CLUSTER_RUNNING: 'What was asked for is done while every node is stopped, and one is alive.',
  RECORD_TOO_LARGE: 'A batch of events is larger than a record of the Kafka topic may be.',
  SERVICE_UNAVAILABLE: 'A service that is needed (Postgres, Redis, Kafka) can not be reached.',
  ACTOR_UNAVAILABLE: 'The actor is gone, stopping or parked, so it can not take the message or the child.',
  ACTOR_EXISTS: 'An actor of this path, or with this log, is already there.',
  HANDLER_STUCK: 'An actor took too long over a message and was cut off.',
  ASK_TIMEOUT: 'An actor did not reply in time.',
  REQUEST_INVALID: 'A REST request is malformed or one of its values is out of range; `fields` names which.',
  ROUTE_UNKNOWN: 'There is no REST route of this method and path.',
  BODY_TOO_LARGE: 'The body of a REST request is larger than 64 KiB.',
  MEDIA_TYPE_UNSUPPORTED: 'The body of a REST request is not `application/json`.',
  TOO_MANY_REQUESTS: 'More is asked of the admin REST, at once or within a second, than it takes.',
  UNAUTHORIZED: 'A REST request that changes something carries no bearer token, or a wrong one.',
  CHANGE_FORBIDDEN:
    'A REST request may not change anything: it comes from another machine while no token is set, or from a foreign web page.',
  ORIGIN_REFUSED: 'The web page that wants to connect is of an origin that may not.',
  OWNER_UNKNOWN: 'No node of the cluster that is alive has the instrument at present.',
  FORWARDED_ALREADY:
    'A request that another node passed on came to a node that does not have the instrument.',
  NODE_UNREACHABLE:
    'Another node of the cluster can not be reached, or gave no answer that can be passed on.',
  NODE_TIMEOUT: 'Another node of the cluster did not answer in time.',
  UPGRADE_REQUIRED: 'The route speaks WebSocket only.',
  HOST_REFUSED: 'The `Host` of a REST request is none of a server that is bound to loopback.',
  INTERNAL: 'Something failed that has no code of its own; the log has it.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected failure with its code, the values that explain it, and whether trying again can help. */
export class TampinesError extends Error {
  override readonly name = 'TampinesError';
  readonly code: ErrorCode;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly isRetryable: boolean;

  constructor(
    code: ErrorCode,
    message: string,
    options: { fields?: Readonly<Record<string, unknown>>; cause?: unknown; isRetryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
    this.isRetryable = options.isRetryable ?? false;
  }
}

/** Whether `error` is a failure of this kind. */
export function hasErrorCode(error: unknown, code: ErrorCode): error is TampinesError {
  return error instanceof TampinesError && error.code === code;
}
