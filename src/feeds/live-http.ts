/** REST requests over kept-alive connections, each with one deadline for the whole answer and a limit for its body. */
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { Clock } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import type { FeedTransport, HttpAnswer } from '../actors/feed-ports.ts';

export type HttpRequester = { readonly request: FeedTransport['request']; readonly close: () => void };

/** Connections that stay open to one host while nothing is asked. */
const IDLE_CONNECTIONS_MAX = 4;

export function createHttpRequester(clock: Clock): HttpRequester {
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX }),
    'https:': new https.Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX }),
  };
  const agentFor = (url: URL) => (url.protocol === 'http:' ? agents['http:'] : agents['https:']);
  return {
    request: async ({ url }, { timeoutMs, bodyMaxBytes }) => {
      const target = URL.canParse(url) ? new URL(url) : undefined;
      if (target === undefined || (target.protocol !== 'http:' && target.protocol !== 'https:')) {
        throw requestError(url, 'not an http or https address', { isRetryable: false });
      }
      const deadline = AbortSignal.timeout(timeoutMs);
      const ask = () => askOnce(target, agentFor(target), deadline, bodyMaxBytes, clock);
      try {
        return await ask().catch((error: unknown) => {
          // The server closed a kept connection just when we reused it: it never saw the request, so it is asked again.
          if (error instanceof StaleConnection) return ask();
          throw error;
        });
      } catch (error) {
        if (error instanceof TampinesError) throw error;
        const why = deadline.aborted ? `no whole answer within ${timeoutMs} ms` : describe(error);
        throw requestError(url, why, { isRetryable: true, cause: error });
      }
    },
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}

class StaleConnection extends Error {}

function askOnce(
  url: URL,
  agent: http.Agent,
  signal: AbortSignal,
  bodyMaxBytes: number,
  clock: Clock,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': 'tampines' };
    const request = (url.protocol === 'http:' ? http : https).get(url, { agent, headers, signal });
    request.on('error', (error) => {
      const isReset = 'code' in error && error.code === 'ECONNRESET';
      reject(isReset && request.reusedSocket ? new StaleConnection(error.message) : error);
    });
    request.on('response', (response) => {
      readBody(response, bodyMaxBytes).then(
        (body) => {
          const receiveTimeMs = clock.nowMs();
          resolve({
            status: response.statusCode ?? 0,
            body,
            receiveTimeMs,
            retryAfterMs: parseRetryAfter(response.headers['retry-after'], receiveTimeMs),
          });
        },
        (error: unknown) => {
          request.destroy();
          reject(
            error instanceof BodyTooLarge
              ? requestError(url.href, `the body is larger than ${bodyMaxBytes} bytes`, {
                  isRetryable: false,
                })
              : error instanceof Error
                ? error
                : new Error(String(error)),
          );
        },
      );
    });
  });
}

class BodyTooLarge extends Error {}

/** Returns the whole body as text, unpacked when it is gzip. The limit counts unpacked bytes, so that a small answer can't fill the memory. */
function readBody(response: http.IncomingMessage, bodyMaxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const isGzip = response.headers['content-encoding'] === 'gzip';
    const source: Readable = isGzip ? response.pipe(zlib.createGunzip()) : response;
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    source.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= bodyMaxBytes) {
        chunks.push(chunk);
        return;
      }
      source.destroy();
      reject(new BodyTooLarge());
    });
    source.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    source.on('error', reject);
    // `pipe` forwards neither errors nor a connection that breaks in the middle.
    response.on('error', reject);
    response.on('close', () => {
      if (!response.complete) reject(new Error('the connection broke in the middle of the answer'));
    });
  });
}

/** Returns the wait that `Retry-After` asks for, in ms: seconds or an HTTP date; `undefined` when it is absent or neither. */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number.parseInt(header, 10) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

function requestError(
  url: string,
  why: string,
  options: { isRetryable: boolean; cause?: unknown },
): TampinesError {
  return new TampinesError('FEED_REQUEST', `Cannot get ${url}: ${why}`, {
    fields: { url, why },
    cause: options.cause,
    isRetryable: options.isRetryable,
  });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
