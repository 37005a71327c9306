/** Savepoints of an instrument: states that are kept until somebody deletes them. */
import { z } from 'zod';
import type { AdminApp, AdminOptions } from '../admin-options.ts';
import { restoredSchema, savepointSchema, savepointsSchema } from '../operations-schemas.ts';
import { instrumentParams, savepointParams } from '../request-schemas.ts';
import { toKey } from './instrument-key.ts';
import { CHANGES, PROBLEMS } from './route-schema.ts';

const tags = ['savepoints'];

export function addSavepointRoutes(app: AdminApp, { instruments, savepoints }: AdminOptions): void {
  app.post(
    '/v1/instruments/:exchange/:symbol/savepoint',
    {
      schema: {
        tags,
        ...CHANGES,
        summary: 'Save the state of an instrument, kept until it is deleted',
        params: instrumentParams,
        response: { 201: savepointSchema, ...PROBLEMS },
      },
    },
    async ({ params }, reply) => reply.code(201).send(await instruments.takeSavepoint(toKey(params))),
  );

  app.get(
    '/v1/instruments/:exchange/:symbol/savepoints',
    {
      schema: {
        tags,
        summary: 'List the savepoints of an instrument, whether it runs or not',
        params: instrumentParams,
        response: { 200: savepointsSchema, ...PROBLEMS },
      },
    },
    async ({ params }) => ({ savepoints: [...(await savepoints.list(toKey(params)))] }),
  );

  app.post(
    '/v1/instruments/:exchange/:symbol/savepoints/:batchNumber/restore',
    {
      schema: {
        tags,
        ...CHANGES,
        summary:
          'Go back to a savepoint: ticker and candles as they were then, with every trade stored since; the book stays as it is',
        params: savepointParams,
        response: { 200: restoredSchema, ...PROBLEMS },
      },
    },
    ({ params }) => instruments.restoreSavepoint(toKey(params), params.batchNumber),
  );

  app.delete(
    '/v1/instruments/:exchange/:symbol/savepoints/:batchNumber',
    {
      schema: {
        tags,
        ...CHANGES,
        summary: 'Delete a savepoint',
        params: savepointParams,
        response: { 204: z.null().describe('Deleted'), ...PROBLEMS },
      },
    },
    async ({ params }, reply) => {
      await savepoints.delete(toKey(params), params.batchNumber);
      return reply.code(204).send(null);
    },
  );
}
