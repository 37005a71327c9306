/** The stream, for those who ask for it without a WebSocket. */
import { z } from 'zod';
import { TampinesError } from '../../base/errors.ts';
import type { AdminApp } from '../admin-options.ts';
import { STREAM_PATH } from '../gateway/gateway.ts';
import { PROBLEMS } from './route-schema.ts';

export function addStreamRoute(app: AdminApp): void {
  app.get(
    STREAM_PATH,
    {
      schema: {
        tags: ['market data'],
        summary: 'Read channels as they change, over a WebSocket',
        description: 'Messages are JSON: docs/gateway.md. Without an upgrade it answers 426.',
        response: { 101: z.undefined().describe('The connection is a WebSocket from here on'), ...PROBLEMS },
      },
    },
    (_request, reply) => {
      reply.header('upgrade', 'websocket');
      throw new TampinesError('UPGRADE_REQUIRED', `GET ${STREAM_PATH} wants a WebSocket`);
    },
  );
}
