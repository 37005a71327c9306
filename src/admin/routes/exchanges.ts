/** Exchanges: which there are, what they list, and how their connections do. */
import type { z } from 'zod';
import type { GateStatus } from '../../actors/exchange-gate.ts';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import type { budgetSchema } from '../operations-schemas.ts';
import { connectionsSchema, exchangesSchema, symbolsSchema } from '../operations-schemas.ts';
import { exchangeParams, symbolsQuery } from '../request-schemas.ts';
import { PROBLEMS } from './route-schema.ts';

const tags = ['exchanges'];

export function addExchangeRoutes(
  app: AdminApp,
  { instruments, exchangeNames, readBudgets }: AdminOptions,
): void {
  app.get(
    '/v1/exchanges',
    {
      schema: {
        tags,
        summary: 'List the exchanges that can be asked for',
        response: { 200: exchangesSchema, ...PROBLEMS },
      },
    },
    () => {
      const running = instruments.list();
      return {
        exchanges: exchangeNames.map((exchange) => ({
          exchange,
          instruments: running.filter(({ instrument }) => instrument.exchange === exchange).length,
        })),
      };
    },
  );

  app.get(
    '/v1/exchanges/:exchange/symbols',
    {
      schema: {
        tags,
        summary: 'List the symbols of an exchange',
        params: exchangeParams,
        querystring: symbolsQuery,
        response: { 200: symbolsSchema, ...PROBLEMS },
      },
    },
    async ({ params: { exchange }, query: { contains = '', limit } }) => {
      const wanted = contains.toUpperCase();
      const matching = (await instruments.listSymbols(exchange)).filter(
        ({ symbol, nativeSymbol }) =>
          symbol.toUpperCase().includes(wanted) || nativeSymbol.toUpperCase().includes(wanted),
      );
      const symbols = matching
        .slice(0, limit)
        .map(({ symbol, nativeSymbol, tickSize, lotSize, isTrading }) => ({
          symbol,
          nativeSymbol,
          tickSize: tickSize ?? null,
          lotSize: lotSize ?? null,
          isTrading,
        }));
      return { exchange, total: matching.length, symbols };
    },
  );

  app.get(
    '/v1/exchanges/:exchange/connections',
    {
      schema: {
        tags,
        summary: 'Show the connections to an exchange',
        params: exchangeParams,
        response: { 200: connectionsSchema, ...PROBLEMS },
      },
    },
    async ({ params: { exchange } }) => {
      const connections = (await instruments.connections(exchange)).map((connection) => ({
        name: connection.name,
        url: connection.url,
        state: connection.state,
        watchedCount: connection.subscriptions.length,
        subscriptions: [...connection.subscriptions],
        syncedCount: connection.syncedCount,
        queuedFrames: connection.queuedFrames,
        framesReceived: connection.framesReceived,
        framesRejected: connection.framesRejected,
        lastSoundMs: connection.lastSound?.wallMs ?? null,
        connectionSequenceChecksOk: connection.connectionSequenceChecksOk,
        connectionGapCount: connection.connectionGapCount,
        reconnects: connection.reconnects,
        lastClosedReason: connection.lastClosedReason ?? null,
        pendingEvents: connection.pendingEvents,
        isPaused: connection.isPaused,
        isSocketOpen: connection.isSocketOpen,
      }));
      const budget = readBudgets().find((gate) => gate.exchange === exchange);
      return { exchange, budget: budget && toBudget(budget), connections };
    },
  );
}

function toBudget(gate: GateStatus): z.output<typeof budgetSchema> {
  return {
    requestWeight: gate.weightSpent,
    requestWeightMax: gate.weightMax,
    connects: gate.connectsSpent,
    waitingRequests: gate.waitingRequests,
    requestsUnderWay: gate.requestsUnderWay,
    closedForMs: gate.closedForMs,
    refusals: gate.refusedCount,
  };
}
