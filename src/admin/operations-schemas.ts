/** The shapes of what operators read: instruments, exchanges, actors, records, settings, health. */
import { z } from 'zod';
import { askedNodeSchema } from './cluster-schemas.ts';
import { decimal } from './market-schemas.ts';
import { problemSchema } from './problems.ts';

const time = z.int().describe('Unix milliseconds');

export const instrumentSchema = z
  .strictObject({
    instrumentId: z.int(),
    exchange: z.string(),
    symbol: z.string(),
    nativeSymbol: z.string(),
    actorStatus: z.string().describe('`running`, `recovering`, `restarting`, `parked`, …'),
    restarts: z.int(),
    lastFailure: z.string().nullable(),
    whyParked: z
      .string()
      .optional()
      .describe('Only while its actor is parked: its last failure, or that an operator wanted it'),
    version: z.string().describe('Changes with each start and each life of its actor: its `ETag`'),
  })
  .meta({ id: 'Instrument' });

const marketSummarySchema = z
  .strictObject({
    status: z.enum(['empty', 'live', 'stale']).describe('Of the book'),
    reason: z.string().describe('Why it is stale'),
    bid: decimal.nullable().describe('Best bid'),
    ask: decimal.nullable().describe('Best ask'),
    spread: decimal.nullable(),
    last: decimal.nullable().describe('Price of the last trade'),
    changePercent: decimal.nullable().describe('Over 24 hours'),
    volume: decimal.nullable().describe('Over 24 hours'),
    position: z.int().describe('Events in its log so far'),
    eventTimeMs: time.nullable().describe('Of the newest event'),
    lagMs: z
      .int()
      .nullable()
      .describe(
        'How long ago the newest event was received: the second between two heartbeats, and what the node is behind',
      ),
  })
  .meta({ id: 'MarketSummary' });

export type MarketSummary = z.output<typeof marketSummarySchema>;

/** In a cluster: where an entry of a list comes from, and which nodes were asked. */
const nodeName = z.string().optional().describe('Node that has it, in a cluster');
const askedNodes = z.array(askedNodeSchema).optional().describe('Nodes that were asked, in a cluster');

export const instrumentsSchema = z
  .strictObject({
    total: z.int().describe('Of those that match, on all pages'),
    limit: z.int(),
    offset: z.int(),
    timeMs: time.describe('When the node answered'),
    nodes: askedNodes,
    instruments: z.array(
      instrumentSchema.extend({
        node: nodeName,
        market: marketSummarySchema
          .nullable()
          .optional()
          .describe('Where it was asked for; `null` while its actor can’t answer'),
      }),
    ),
  })
  .meta({ id: 'Instruments' });

export const spawnResultsSchema = z
  .strictObject({
    results: z
      .array(
        z.strictObject({
          exchange: z.string(),
          symbol: z.string().describe('As it was asked for'),
          status: z.int().describe('What it would have been answered with alone: 201, 404, 409, …'),
          instrument: instrumentSchema.optional(),
          problem: problemSchema.optional(),
        }),
      )
      .describe('In the order of the request'),
  })
  .meta({ id: 'SpawnResults' });

export const instrumentDetailSchema = instrumentSchema
  .extend({
    state: z
      .strictObject({
        position: z.int().describe('Events in its log so far'),
        status: z.enum(['empty', 'live', 'stale']).describe('Of the book'),
        reason: z.string(),
        statusSinceMs: time.nullable().describe('Since when the book has this status'),
        bidLevels: z.int(),
        askLevels: z.int(),
        tickSize: z.string().nullable(),
        lotSize: z.string().nullable(),
        lastBookEventMs: time.nullable(),
        watermarkMs: time.nullable(),
        feeds: z
          .array(
            z.strictObject({
              source: z.string().describe('As the log names it'),
              replica: z.int().describe('Which of the feeds of its slot, counted from 0'),
              isFollowed: z.boolean().describe('Whether the book that is shown is this one'),
              status: z.enum(['empty', 'live', 'stale']).describe('Of its book'),
              reason: z.string(),
              sinceMs: time.nullable(),
            }),
          )
          .describe('The one that the book follows first; a second one where `feed.redundancy` is 2'),
        feedSwitches: z.int().describe('Times that the book of one feed took the place of the other’s'),
        counters: z.record(z.string(), z.number()).describe('Over the whole log'),
      })
      .nullable()
      .describe('`null` while its actor can’t answer (parked, restarting)'),
  })
  .meta({ id: 'InstrumentDetail' });

export const savepointSchema = z
  .strictObject({
    batchNumber: z.int().describe('Names it: the last batch of the journal that it contains'),
    position: z.int().describe('Events that it contains'),
  })
  .meta({ id: 'Savepoint' });

export const savepointsSchema = z
  .strictObject({
    savepoints: z
      .array(savepointSchema.extend({ savedAtMs: time, sizeBytes: z.int() }))
      .describe('Newest first'),
  })
  .meta({ id: 'Savepoints' });

export const restoredSchema = savepointSchema
  .extend({
    batchNumber: z
      .int()
      .describe('The last batch of its log: recoveries begin at the state that was rebuilt'),
    tradeCount: z.int().describe('Stored trades that were read, also those that the savepoint has already'),
  })
  .meta({ id: 'RestoredInstrument' });

const publishedAs = {
  bookIntervalMs: z.int(),
  tickerIntervalMs: z.int(),
  candleIntervalMs: z.int(),
  bookDepth: z.int(),
};

export const instrumentSettingsSchema = z
  .strictObject({
    own: z.strictObject(publishedAs).partial().describe('What is wanted otherwise for this instrument'),
    inForce: z.strictObject(publishedAs),
  })
  .meta({ id: 'InstrumentSettings' });

export const exchangesSchema = z
  .strictObject({
    exchanges: z.array(
      z.strictObject({ exchange: z.string(), instruments: z.int().describe('Running here') }),
    ),
  })
  .meta({ id: 'Exchanges' });

export const symbolsSchema = z
  .strictObject({
    exchange: z.string(),
    total: z.int().describe('Of those that match'),
    symbols: z.array(
      z.strictObject({
        symbol: z.string(),
        nativeSymbol: z.string(),
        tickSize: z.string().nullable(),
        lotSize: z.string().nullable(),
        isTrading: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'Symbols' });

export const budgetSchema = z
  .strictObject({
    requestWeight: z.number().describe('REST weight spent within the exchange’s window'),
    requestWeightMax: z.number(),
    connects: z.int().describe('Within its window'),
    waitingRequests: z.int(),
    requestsUnderWay: z.int(),
    closedForMs: z.number().describe('For how long no request is sent, because the exchange refused one'),
    refusals: z.int().describe('Since the node began'),
  })
  .describe('What is spent of what the exchange allows, all connections together');

export const connectionsSchema = z
  .strictObject({
    exchange: z.string(),
    budget: budgetSchema.optional(),
    connections: z.array(
      z.strictObject({
        name: z.string(),
        url: z.string(),
        state: z.string(),
        watchedCount: z.int().describe('Symbols'),
        subscriptions: z.array(z.string()).describe('Which, as the exchange calls them'),
        syncedCount: z.int().describe('Books that are sure now'),
        queuedFrames: z.int(),
        framesReceived: z.int(),
        framesRejected: z.int(),
        lastSoundMs: time.nullable(),
        connectionSequenceChecksOk: z.int(),
        connectionGapCount: z.int(),
        reconnects: z.int(),
        lastClosedReason: z.string().nullable(),
        pendingEvents: z.int().describe('Waiting to become durable'),
        isPaused: z.boolean(),
        isSocketOpen: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'Connections' });

export const actorsSchema = z
  .strictObject({
    total: z.int(),
    nodes: askedNodes,
    actors: z
      .array(
        z.strictObject({
          node: nodeName,
          path: z.string(),
          parentPath: z.string(),
          kind: z.enum(['plain', 'persistent']),
          status: z.string(),
          incarnation: z.int(),
          mailboxCount: z.int(),
          restarts: z.int(),
          lastFailure: z.strictObject({ atMs: time, cause: z.string(), errorClass: z.string() }).nullable(),
          lastHandlerMs: z.number().nullable(),
          handlerAgeMs: z.number().nullable().describe('Of the message in hand'),
        }),
      )
      .describe('Parents before children'),
  })
  .meta({ id: 'Actors' });

export const supervisionEventsSchema = z
  .strictObject({
    events: z
      .array(
        z.strictObject({
          timeMs: time,
          path: z.string(),
          kind: z.string(),
          cause: z.string(),
          decision: z.string(),
          attempt: z.int(),
          delayMs: z.number(),
          recoveredPosition: z.int().nullable(),
        }),
      )
      .describe('Newest first'),
  })
  .meta({ id: 'SupervisionEvents' });

export const deadLettersSchema = z
  .strictObject({
    deadLetters: z
      .array(
        z.strictObject({
          timeMs: time,
          exchange: z.string(),
          symbol: z.string().nullable(),
          reason: z.string(),
          detail: z.string(),
          text: z.string().describe('Raw, cut'),
        }),
      )
      .describe('Newest first'),
  })
  .meta({ id: 'DeadLetters' });

export const deadLetterCountsSchema = z
  .strictObject({
    counts: z.array(z.strictObject({ exchange: z.string(), reason: z.string(), count: z.int() })),
  })
  .meta({ id: 'DeadLetterCounts' });

export const feedGapsSchema = z
  .strictObject({
    gaps: z
      .array(
        z.strictObject({
          exchange: z.string(),
          symbol: z.string(),
          channel: z.enum(['book', 'trades']),
          fromMs: time.describe('The last moment it was whole, Unix milliseconds'),
          toMs: time.describe('The first moment it was whole again, Unix milliseconds'),
          reason: z.string(),
          repair: z
            .enum(['snapshot', 'refetched', 'incomplete'])
            .describe('A fresh book; all trades of it fetched; trades of it missing for good'),
          tradesRefetched: z.int(),
        }),
      )
      .describe('Newest first'),
  })
  .meta({ id: 'FeedGaps' });

export const auditSchema = z
  .strictObject({
    changes: z
      .array(
        z.strictObject({
          timeMs: time,
          who: z.string().describe('Name of the token; `local` where none is set'),
          address: z.string(),
          method: z.string(),
          path: z.string(),
          body: z.string().describe('JSON text, cut at 1,000 characters'),
          status: z.int().describe('Of the answer'),
        }),
      )
      .describe('Newest first'),
  })
  .meta({ id: 'Audit' });

export const settingsSchema = z
  .strictObject({
    settings: z.array(
      z.strictObject({
        name: z.string(),
        value: z.unknown(),
        origin: z.string().describe('`default`, `file`, `environment` or `flag`'),
      }),
    ),
  })
  .meta({ id: 'Settings' });

export const liveSchema = z
  .strictObject({ status: z.literal('live'), node: z.string() })
  .meta({ id: 'Live' });

export const readySchema = z
  .strictObject({
    status: z.literal('ready'),
    checks: z.array(z.strictObject({ name: z.string(), isReady: z.boolean(), detail: z.string() })),
  })
  .meta({ id: 'Ready' });
