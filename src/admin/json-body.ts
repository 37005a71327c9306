/** Reads the bodies of requests: JSON and nothing else, not deep, not large. */
import type { FastifyInstance } from 'fastify';
import { TampinesError } from '../base/errors.ts';

export const BODY_MAX_BYTES = 64 * 1024;
/** No request of ours nests deeper than one. */
const DEPTH_MAX = 8;

export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string', bodyLimit: BODY_MAX_BYTES },
    (_request, body, done) => {
      try {
        done(null, parseShallowJson(body.toString()));
      } catch (error) {
        done(error as TampinesError, undefined);
      }
    },
  );
}

/**
 * Returns the value of JSON text; `undefined` for empty text.
 * @throws TampinesError `REQUEST_INVALID` when it is no JSON or nests deeper than 8
 */
export function parseShallowJson(text: string): unknown {
  if (text === '') return undefined;
  if (isDeeperThan(text, DEPTH_MAX)) {
    throw new TampinesError('REQUEST_INVALID', `The body nests deeper than ${DEPTH_MAX} levels`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TampinesError('REQUEST_INVALID', 'The body is not valid JSON', { cause: error });
  }
}

/** Looked at before parsing, since the parser itself goes as deep as it is led. */
function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (isInString) {
      if (character === '\\') index++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{' || character === '[') {
      depth++;
      if (depth > depthMax) return true;
    } else if (character === '}' || character === ']') depth--;
  }
  return false;
}
