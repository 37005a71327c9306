/**
 * Problem details (RFC 9457) for everything that goes wrong in a request. `code` is of the one registry and is what clients compare;
 * `detail` says what happened and what to do.
 */
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ErrorCode } from '../base/errors.ts';
import { ERROR_CODES, TampinesError } from '../base/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** HTTP status, title, and what to do where messages don't say it. Every code of the registry has its line. */
const ANSWERS: Readonly<Record<ErrorCode, readonly [status: number, title: string, advice?: string]>> = {
  FENCED: [409, 'Another node owns the shard', 'Ask the node that owns it now.'],
  OUTCOME_UNKNOWN: [503, 'Outcome unknown', 'Look at the instrument, then try again.'],
  JOURNAL_SEQUENCE: [500, 'Journal out of order', 'Restart the instrument; its log decides.'],
  STATE_UNREADABLE: [500, 'Stored state unreadable', 'See the log for the row.'],
  FEED_REQUEST: [502, 'Exchange did not answer', 'Try again later.'],
  SETTINGS_INVALID: [500, 'Settings invalid'],
  UNKNOWN_EXCHANGE: [404, 'Unknown exchange', 'See GET /v1/exchanges.'],
  UNKNOWN_SYMBOL: [404, 'Unknown symbol'],
  INSTRUMENT_EXISTS: [409, 'Instrument already running'],
  CHANGED_MEANWHILE: [412, 'Changed meanwhile', 'Look at it again, and send its new ETag.'],
  IDEMPOTENCY_KEY_REUSED: [422, 'Idempotency-Key used twice'],
  INSTRUMENT_UNKNOWN: [404, 'Instrument not running'],
  CHANNEL_UNKNOWN: [404, 'Unknown channel'],
  SAVEPOINTS_FULL: [409, 'Too many savepoints', 'Delete one with DELETE …/savepoints/{batchNumber}.'],
  SAVEPOINT_NEWEST: [
    409,
    'Nothing since the newest savepoint',
    'Try again in some seconds, when something has come, or delete that savepoint.',
  ],
  SAVEPOINT_UNKNOWN: [404, 'Unknown savepoint', 'See GET …/savepoints.'],
  NODE_NAME_TAKEN: [503, 'Name of the node taken'],
  DATA_DIRECTORY_LOCKED: [503, 'Data directory locked'],
  RECORDING_INVALID: [422, 'Recording invalid'],
  MIGRATION_MISMATCH: [503, 'Database of another version'],
  EVENT_TOPIC_UNFIT: [503, 'Topic of events unfit', 'The detail says what to change about the topic.'],
  EVENT_LOG_MOVED: [503, 'Log of events moved', 'Start the node again.'],
  EVENT_LOG_SHORT: [409, 'Log of events too short'],
  CLUSTER_RUNNING: [409, 'Nodes are running'],
  EVENT_LOG_LOST: [500, 'Log of events lost', 'See the log of the node.'],
  RECORD_TOO_LARGE: [500, 'Batch too large', 'See the log of the node.'],
  SERVICE_UNAVAILABLE: [
    503,
    'Service unavailable',
    'Try again later; GET /health/ready says what is missing.',
  ],
  ACTOR_UNAVAILABLE: [503, 'Actor unavailable', 'A parked instrument starts again with POST …/restart.'],
  ACTOR_EXISTS: [409, 'Actor already there', 'Try again after it has stopped.'],
  HANDLER_STUCK: [503, 'Actor stuck', 'It is being restarted; try again.'],
  ASK_TIMEOUT: [504, 'No reply in time', 'Try again; GET /v1/actors shows what is busy.'],
  REQUEST_INVALID: [400, 'Request invalid', 'The OpenAPI document is at /v1/openapi.json.'],
  ROUTE_UNKNOWN: [404, 'No such route', 'The routes are listed in /v1/openapi.json.'],
  BODY_TOO_LARGE: [413, 'Body too large', 'At most 64 KiB are read.'],
  MEDIA_TYPE_UNSUPPORTED: [415, 'Media type not supported', 'Send `Content-Type: application/json`.'],
  TOO_MANY_REQUESTS: [429, 'Too many requests', 'Ask again in a second, and less at once.'],
  UNAUTHORIZED: [401, 'Token missing or wrong', 'Send `Authorization: Bearer <token>`.'],
  CHANGE_FORBIDDEN: [403, 'Change not allowed'],
  ORIGIN_REFUSED: [403, 'Origin refused', 'Add the origin to `gateway.allowedOrigins`.'],
  OWNER_UNKNOWN: [
    503,
    'No node has the instrument',
    'Try again in a second; GET /v1/cluster says which nodes there are.',
  ],
  FORWARDED_ALREADY: [503, 'Instrument on its way to another node', 'Try again in a second.'],
  NODE_UNREACHABLE: [502, 'Other node not reached', 'Try again; GET /v1/cluster says which nodes are alive.'],
  NODE_TIMEOUT: [504, 'Other node silent', 'Look whether a change was made before trying it again.'],
  UPGRADE_REQUIRED: [426, 'WebSocket wanted', 'Connect with a WebSocket client.'],
  HOST_REFUSED: [403, 'Host refused', 'Use localhost, 127.0.0.1 or [::1].'],
  INTERNAL: [500, 'Internal error', 'The log of the node has the cause.'],
};

const FIELDS_MAX = 20;
const FIELD_MAX_CHARACTERS = 200;
const DETAIL_MAX_CHARACTERS = 1_000;

export const problemSchema = z
  .strictObject({
    type: z.string().describe('`urn:tampines:error:<code>`'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string().describe('What happened and what to do.'),
    code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]).describe('Stable; compare this.'),
    instance: z.string().describe('Path of the request.'),
    fields: z
      .record(z.string(), z.unknown())
      .describe('Values that explain it; of an invalid request, what is wrong where.'),
  })
  .meta({ id: 'Problem' });

export type Problem = z.output<typeof problemSchema>;

/** Returns the HTTP status that stands for a code. */
export function statusOf(code: ErrorCode): number {
  return ANSWERS[code][0];
}

/** Returns the problem that a failed request is answered with; what has no code of its own says nothing of its inside. */
export function toProblem(error: unknown, path: string): Problem {
  const { code, message, fields } = explain(error);
  const [status, title, advice] = ANSWERS[code];
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  const detail = advice === undefined ? sentence : `${sentence} ${advice}`;
  return {
    type: `urn:tampines:error:${code}`,
    title,
    status,
    detail: detail.slice(0, DETAIL_MAX_CHARACTERS),
    code,
    instance: path.slice(0, FIELD_MAX_CHARACTERS),
    fields: boundFields(fields),
  };
}

/** Returns the path of a URL without its query, which may hold anything. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

type Explanation = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
};

function explain(error: unknown): Explanation {
  if (error instanceof TampinesError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const fields: Record<string, unknown> = {};
    for (const { instancePath, message } of error.validation) {
      const name = [error.validationContext ?? '', ...instancePath.split('/').slice(1)].join('.');
      fields[name] = message ?? 'is not valid';
    }
    return {
      code: 'REQUEST_INVALID',
      message: 'The request is not as the route wants it, see `fields`',
      fields,
    };
  }
  if (error instanceof Error) {
    const code = codeOfHttpError(error);
    if (code !== undefined) return { code, message: error.message, fields: {} };
  }
  return { code: 'INTERNAL', message: 'The request could not be answered', fields: {} };
}

/** Fastify's own refusals of a request carry a code and a status below 500. */
function codeOfHttpError(error: Error): ErrorCode | undefined {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'BODY_TOO_LARGE';
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'MEDIA_TYPE_UNSUPPORTED';
  const status = 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? 'REQUEST_INVALID' : undefined;
}

function boundFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const bounded: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields).slice(0, FIELDS_MAX)) bounded[name] = boundValue(value);
  return bounded;
}

function boundValue(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return value.slice(0, FIELD_MAX_CHARACTERS);
  if (typeof value === 'bigint') return value.toString();
  // What has parts is left out: nobody bounded it, and it may know more than a client should.
  return null;
}
