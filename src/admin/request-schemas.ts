/** What requests may hold. Names are checked by shape before they become keys of anything; whether they exist is asked later. */
import { z } from 'zod';
import type { ActorStatus, SupervisionEventKind } from '../actors/kernel/actor-types.ts';
import { CANDLE_INTERVALS } from '../market/intervals.ts';
import { SYMBOL_NAME } from '../market/symbols.ts';

const TIME_MAX_MS = 8_640_000_000_000_000;

export const exchangeName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be lower case letters, digits and dashes, up to 40')
  .meta({ description: 'Name of an exchange and market', example: 'binance' });

/** Some exchanges list symbols in other scripts than Latin. */
export const symbolName = z
  .string()
  .regex(SYMBOL_NAME, 'must be letters, digits and - _ / . : (up to 60), beginning with a letter or digit')
  .meta({
    description: 'Unified symbol `BASE-QUOTE`, or the exchange’s own where told',
    example: 'BTC-USDT',
  });

export const exchangeParams = z.object({ exchange: exchangeName });
export const instrumentParams = z.object({ exchange: exchangeName, symbol: symbolName });

/** Numbers of paths and queries arrive as text. */
const queryInteger = (minimum: number, maximum: number) => z.coerce.number().int().min(minimum).max(maximum);

export const savepointParams = z.object({
  exchange: exchangeName,
  symbol: symbolName,
  batchNumber: queryInteger(0, Number.MAX_SAFE_INTEGER).meta({
    description: 'Of the savepoint',
    example: 42,
  }),
});

export const timeQuery = queryInteger(0, TIME_MAX_MS).meta({ description: 'Unix milliseconds' });
export const limitQuery = (byDefault: number, maximum: number) => queryInteger(1, maximum).default(byDefault);
export const offsetQuery = queryInteger(0, 10_000_000).default(0);

export const SPAWNED_AT_ONCE_MAX = 100;

/** One instrument, or a list of them. A union would say of a wrong one only that it is neither. */
export const spawnBody = z
  .strictObject({
    exchange: exchangeName.optional(),
    symbol: symbolName.optional(),
    instruments: z
      .array(z.strictObject({ exchange: exchangeName, symbol: symbolName }))
      .min(1)
      .max(SPAWNED_AT_ONCE_MAX)
      .optional()
      .describe('Several; then `exchange` and `symbol` are left out, and each has its own result'),
  })
  .superRefine(({ instruments, ...one }, context) => {
    for (const name of ['exchange', 'symbol'] as const) {
      if ((one[name] === undefined) === (instruments !== undefined)) continue;
      const message = instruments === undefined ? 'must be given' : 'must not be given beside `instruments`';
      context.addIssue({ code: 'custom', path: [name], message });
    }
  })
  .meta({
    oneOf: [{ required: ['exchange', 'symbol'] }, { required: ['instruments'] }],
    example: { exchange: 'binance', symbol: 'BTC-USDT' },
  });

const publishInterval = (minimumMs: number) => z.int().min(minimumMs).max(60_000).optional();

/** The ranges are those of `publish.*` of the node. */
export const instrumentSettingsBody = z
  .strictObject({
    bookIntervalMs: publishInterval(10).describe(
      'At least that of the node; it is rounded to a multiple of it, as the other intervals are',
    ),
    tickerIntervalMs: publishInterval(100),
    candleIntervalMs: publishInterval(100),
    bookDepth: z.int().min(1).max(5_000).optional().describe('Levels per side in a published book'),
  })
  .meta({ example: { bookIntervalMs: 500, bookDepth: 10 } });

/** Others of the request stay as they are. */
export const spawnHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'must be up to 100 printable ASCII characters')
    .optional()
    .describe('The same key with the same body gets the same answer again, for ten minutes'),
});

export const conditionHeaders = z.looseObject({
  'if-match': z
    .string()
    .max(500)
    .optional()
    .describe('`ETag` of the instrument: change it only while it is still that'),
});

/** Part of a name, in any case. */
const namePart = z
  .string()
  .regex(/^[\p{L}\p{N}\-_/.:]{1,60}$/u, 'must be letters, digits and - _ / . :')
  .describe('Part of the unified or native symbol, in any case');

export const ACTOR_STATUSES = [
  'starting', 'recovering', 'running', 'restarting', 'stopping', 'parked', 'stopped',
] as const satisfies readonly ActorStatus[]; // prettier-ignore

export const INSTRUMENT_ORDERS = [
  'instrument', '-instrument', 'status', '-status', 'restarts', '-restarts',
] as const; // prettier-ignore

export const instrumentsQuery = z.strictObject({
  exchange: exchangeName.optional(),
  status: z.enum(ACTOR_STATUSES).optional().describe('Of the symbol actor'),
  contains: namePart.optional(),
  book: z
    .enum(['empty', 'live', 'stale'])
    .optional()
    .describe('Status of the book; those whose actor can’t answer have none. Asks every actor'),
  sort: z
    .enum(INSTRUMENT_ORDERS)
    .optional()
    .describe('`-` turns the order round; in the order they were started when absent'),
  include: z
    .enum(['market'])
    .optional()
    .describe('`market`: with each instrument its best prices and how it keeps up'),
  limit: limitQuery(100, 1_000),
  offset: offsetQuery,
});

export const bookQuery = (depthMax: number) =>
  z.strictObject({
    resolution: queryInteger(1, 1_000_000).default(1).describe('Tick sizes per level'),
    depth: limitQuery(Math.min(50, depthMax), depthMax).describe('Levels per side'),
  });

export const candlesQuery = z.strictObject({
  interval: z.enum(CANDLE_INTERVALS).default('1m'),
  from: timeQuery
    .optional()
    .describe('First open time, Unix ms; so far back that `limit` candles fit when absent'),
  to: timeQuery.optional().describe('Open times before this, Unix ms; up to the open candle when absent'),
  limit: limitQuery(100, 1_000),
});

export const tradesQuery = z.strictObject({
  from: timeQuery.optional().describe('First event time, Unix ms; one minute before `to` when absent'),
  to: timeQuery.optional().describe('Event times before this, Unix ms; all there are when absent'),
  limit: limitQuery(100, 1_000),
});

export const symbolsQuery = z.strictObject({
  contains: namePart.optional(),
  limit: limitQuery(100, 10_000),
});

const actorPath = z
  .string()
  .max(200)
  .regex(/^[\p{L}\p{N}\-_/.:@]+$/u, 'must be a path of actor names');

export const actorsQuery = z.strictObject({
  path: actorPath.optional().describe('This actor and those below it'),
  limit: limitQuery(1_000, 10_000),
});

export const SUPERVISION_KINDS = [
  'started', 'recovered', 'restarted', 'poison', 'escalated', 'parked', 'unparked', 'stuck', 'abandoned', 'stopped', 'fenced',
] as const satisfies readonly SupervisionEventKind[]; // prettier-ignore

export const supervisionQuery = z.strictObject({
  path: actorPath.optional().describe('Exact path of the actor'),
  kind: z
    .string()
    .max(200)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(SUPERVISION_KINDS)))
    .optional()
    .describe(`One kind of event or several, separated by commas: ${SUPERVISION_KINDS.join(', ')}`),
  since: timeQuery.optional().describe('Events of this time (Unix ms) or later'),
  limit: limitQuery(100, 1_000),
});

export const auditQuery = z.strictObject({
  who: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'must be the name of a token')
    .optional()
    .describe('Name of a token'),
  since: timeQuery.optional().describe('Changes of this time (Unix ms) or later'),
  limit: limitQuery(100, 1_000),
});

export const followQuery = supervisionQuery.omit({ limit: true });
export const followHeaders = z.looseObject({
  'last-event-id': timeQuery.optional().describe('`id` of the last event that came, as browsers send it'),
});

export const deadLettersQuery = z.strictObject({
  exchange: exchangeName.optional(),
  limit: limitQuery(100, 1_000),
});

export const feedGapsQuery = z
  .strictObject({
    exchange: exchangeName.optional(),
    symbol: symbolName.optional().describe('Unified symbol; needs `exchange`'),
    limit: limitQuery(100, 1_000),
  })
  .refine(({ exchange, symbol }) => symbol === undefined || exchange !== undefined, {
    path: ['exchange'],
    message: 'must be given where `symbol` is',
  });
