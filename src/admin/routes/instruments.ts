/** Instruments: which run here, and starting, stopping, restarting, parking and resynchronising them. */
import { z } from 'zod';
import type { DesiredInstrument } from '../../actors/ports.ts';
import type { InstrumentStatus } from '../../actors/running-instrument.ts';
import type { SymbolView } from '../../actors/symbol-protocol.ts';
import { TampinesError } from '../../base/errors.ts';
import { feedsOf } from '../../market/standby-book.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import { requesterOf } from '../access.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import type { ClusterLists } from '../cluster-lists.ts';
import { isForwarded } from '../forwarding.ts';
import { Idempotency } from '../idempotency.ts';
import { filterInstruments, isUnanswered, readMarkets, sortInstruments } from '../instrument-list.ts';
import type { InstrumentsQuery, ShownInstruments } from '../merged-instruments.ts';
import { mergeInstruments } from '../merged-instruments.ts';
import { readIfMatch, versionOf } from '../instrument-version.ts';
import {
  instrumentDetailSchema,
  instrumentSchema,
  instrumentsSchema,
  spawnResultsSchema,
} from '../operations-schemas.ts';
import { pathOf, toProblem } from '../problems.ts';
import {
  conditionHeaders,
  instrumentParams,
  instrumentsQuery,
  spawnBody,
  spawnHeaders,
} from '../request-schemas.ts';
import { toKey } from './instrument-key.ts';
import { CHANGES, PROBLEMS } from './route-schema.ts';

const tags = ['instruments'];
const OPERATOR = 'asked for over REST';

type SpawnAnswer = z.output<typeof instrumentSchema> | z.output<typeof spawnResultsSchema>;

export function addInstrumentRoutes(
  app: AdminApp,
  { instruments, clock, epoch, cluster }: AdminOptions,
  lists: ClusterLists | undefined,
): void {
  const spawned = new Idempotency<SpawnAnswer>(clock);

  const spawnOne = async (exchange: string, symbol: string): Promise<z.output<typeof instrumentSchema>> => {
    const wanted = await instruments.spawn(exchange, symbol);
    const status = instruments.list().find((each) => each.instrument.instrument === wanted.instrument);
    return status === undefined ? toStarting(wanted, epoch) : toInstrument(status, epoch);
  };

  const spawnAsked = async (
    { exchange = '', symbol = '', instruments: several }: z.output<typeof spawnBody>,
    path: string,
  ): Promise<SpawnAnswer> => {
    if (several === undefined) return spawnOne(exchange, symbol);
    const results = several.map(async (asked) => {
      try {
        return { ...asked, status: 201, instrument: await spawnOne(asked.exchange, asked.symbol) };
      } catch (error) {
        const problem = toProblem(error, path);
        return { ...asked, status: problem.status, problem };
      }
    });
    return { results: await Promise.all(results) };
  };

  const listHere = async (query: InstrumentsQuery): Promise<ShownInstruments> => {
    const { book, sort, include, limit, offset, ...filter } = query;
    const timeMs = clock.nowMs();
    let matching = sortInstruments(filterInstruments(instruments.list(), filter), sort);
    if (book !== undefined) {
      const markets = await readMarkets(instruments, matching, timeMs);
      matching = matching.filter((_, index) => markets[index]?.status === book);
    }
    const page = matching.slice(offset, offset + limit);
    const markets = include === undefined ? [] : await readMarkets(instruments, page, timeMs);
    return {
      total: matching.length,
      limit,
      offset,
      timeMs,
      instruments: page.map((status, index) => ({ ...toInstrument(status, epoch), market: markets[index] })),
    };
  };

  app.get(
    '/v1/instruments',
    {
      schema: {
        tags,
        summary: 'List the instruments of the node, or of the whole cluster: filter, sort and page',
        querystring: instrumentsQuery,
        response: { 200: instrumentsSchema, ...PROBLEMS },
      },
    },
    async (request) => {
      const { query } = request;
      if (lists === undefined || isForwarded(request)) return listHere(query);
      return mergeInstruments(lists, query, listHere);
    },
  );

  app.post(
    '/v1/instruments',
    {
      schema: {
        tags,
        ...CHANGES,
        summary:
          'Spawn the actor of an instrument, or of several; they stay wanted over restarts of the node',
        headers: spawnHeaders,
        body: spawnBody,
        response: {
          201: instrumentSchema.describe(
            'One was asked for, and runs; in a cluster it is `starting`, on the node that has its shard',
          ),
          207: spawnResultsSchema.describe('Several were asked for'),
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const who = requesterOf(request)?.name ?? '';
      const key = request.headers['idempotency-key'];
      const { answer, isReplayed } = await spawned.once({ who, key, body: request.body }, () =>
        spawnAsked(request.body, pathOf(request.url)),
      );
      if (isReplayed) reply.header('idempotency-replayed', 'true');
      if ('results' in answer) return reply.code(207).send(answer);
      return reply
        .code(201)
        .header('location', pathOfInstrument(answer))
        .header('etag', `"${answer.version}"`)
        .send(answer);
    },
  );

  app.get(
    '/v1/instruments/:exchange/:symbol',
    {
      schema: {
        tags,
        summary: 'Show an instrument and what its actor knows',
        params: instrumentParams,
        response: { 200: instrumentDetailSchema, ...PROBLEMS },
      },
    },
    async ({ params }, reply) => {
      const key = toKey(params);
      const instrument = toInstrument(findStatus(instruments.list(), key), epoch);
      reply.header('etag', `"${instrument.version}"`);
      return { ...instrument, state: await readState(() => instruments.view(key, describeState)) };
    },
  );

  app.delete(
    '/v1/instruments/:exchange/:symbol',
    {
      schema: {
        tags,
        ...CHANGES,
        summary: 'Stop an instrument: it drains, checkpoints and is no longer wanted',
        headers: conditionHeaders,
        params: instrumentParams,
        response: { 204: z.null().describe('Stopped'), ...PROBLEMS },
      },
    },
    async ({ params, headers }, reply) => {
      await instruments.stop(toKey(params), readIfMatch(headers['if-match'], epoch));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/instruments/:exchange/:symbol/restart',
    {
      schema: {
        tags,
        ...CHANGES,
        summary: 'Begin a new life of its actor from its log; a parked one starts again',
        headers: conditionHeaders,
        params: instrumentParams,
        response: { 204: z.null().describe('Restarted'), ...PROBLEMS },
      },
    },
    async ({ params, headers }, reply) => {
      await instruments.restart(toKey(params), OPERATOR, readIfMatch(headers['if-match'], epoch));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/instruments/:exchange/:symbol/park',
    {
      schema: {
        tags,
        ...CHANGES,
        summary:
          'End the life of its actor until it is restarted; it stays wanted, and its book is stale meanwhile',
        headers: conditionHeaders,
        params: instrumentParams,
        response: { 204: z.null().describe('Parked'), ...PROBLEMS },
      },
    },
    async ({ params, headers }, reply) => {
      await instruments.park(toKey(params), OPERATOR, readIfMatch(headers['if-match'], epoch));
      return reply.code(204).send(null);
    },
  );

  app.post(
    '/v1/instruments/:exchange/:symbol/resync',
    {
      schema: {
        tags,
        ...CHANGES,
        summary: 'Ask the exchange for a fresh book',
        params: instrumentParams,
        response: { 202: z.undefined().describe('Asked for; the book is stale until it came'), ...PROBLEMS },
      },
    },
    ({ params }, reply) => {
      const key = toKey(params);
      if (cluster === undefined) instruments.resync(key, OPERATOR);
      else cluster.feed.resync(key, OPERATOR);
      void reply.code(202).send();
    },
  );
}

/** @throws TampinesError `INSTRUMENT_UNKNOWN` */
export function findStatus(list: readonly InstrumentStatus[], key: InstrumentKey): InstrumentStatus {
  const found = list.find(({ instrument }) => instrument.instrument === key);
  if (found !== undefined) return found;
  const message = `${key} is not running here; spawn it with POST /v1/instruments`;
  throw new TampinesError('INSTRUMENT_UNKNOWN', message, { fields: { instrument: key } });
}

function pathOfInstrument({ exchange, symbol }: { exchange: string; symbol: string }): string {
  return `/v1/instruments/${exchange}/${encodeURIComponent(symbol)}`;
}

function toInstrument(
  status: Omit<InstrumentStatus, 'pulse'>,
  epoch: number,
): z.output<typeof instrumentSchema> {
  const { instrumentId, exchange, symbol, nativeSymbol } = status.instrument;
  return {
    instrumentId,
    exchange,
    symbol,
    nativeSymbol,
    actorStatus: status.actorStatus,
    restarts: status.restarts,
    lastFailure: status.lastFailure ?? null,
    ...(status.whyParked !== undefined && { whyParked: status.whyParked }),
    version: versionOf(status, epoch),
  };
}

/** In a cluster it is wanted from now on, and started in a moment by whoever has its shard. Its version is of no run that there will be. */
function toStarting(wanted: DesiredInstrument, epoch: number): z.output<typeof instrumentSchema> {
  const unborn = {
    startNumber: 0,
    incarnation: 0,
    restarts: 0,
    lastFailure: undefined,
    whyParked: undefined,
  };
  return toInstrument({ ...unborn, instrument: wanted, actorStatus: 'starting' }, epoch);
}

type StateDescription = z.output<typeof instrumentDetailSchema>['state'];

function describeState({ state, status, reason }: SymbolView): StateDescription {
  const { watermarkMs } = state.candles;
  return {
    position: state.position,
    status,
    reason,
    statusSinceMs: state.bookStatus.sinceMs ?? null,
    bidLevels: state.book.bidCount,
    askLevels: state.book.askCount,
    tickSize: state.metadata?.tickSize ?? null,
    lotSize: state.metadata?.lotSize ?? null,
    lastBookEventMs: state.lastBookEvent?.eventTimeMs ?? null,
    watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null,
    feeds: feedsOf(state).map(({ sinceMs, ...feed }) => ({ ...feed, sinceMs: sinceMs ?? null })),
    feedSwitches: state.standby?.switchCount ?? 0,
    counters: { ...state.counters },
  };
}

/** An instrument is shown also while its actor is parked or busy. */
async function readState(read: () => Promise<StateDescription>): Promise<StateDescription> {
  try {
    return await read();
  } catch (error) {
    if (isUnanswered(error)) return null;
    throw error;
  }
}
