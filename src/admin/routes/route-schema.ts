/** What routes say about themselves in OpenAPI, in one place. */
import type { z } from 'zod';
import { problemSchema } from '../problems.ts';

export const JSON_TYPE = 'application/json; charset=utf-8';

const problemResponse = {
  description: 'Problem details (RFC 9457)',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** Every route answers errors alike. */
export const PROBLEMS = { '4xx': problemResponse, '5xx': problemResponse } as const;

/** Routes that change something need the token, where one is set. */
export const CHANGES = { security: [{ bearer: [] }] } as const;

/** An answer that is JSON text already: described here, not written by its schema. */
export function jsonText(schema: z.ZodType, description: string) {
  return { description, content: { 'application/json': { schema } } };
}
