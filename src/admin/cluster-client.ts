/**
 * Asks another node of the cluster by its admin REST. It connects to the address that the node registered and to no other, follows no redirection, and
 * takes no answer without end.
 */
import http from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Timers } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';

const ANSWER_MAX_BYTES = 16 * 1024 * 1024;
/** Names the node that passed a request on, which is never passed on again. */
export const FORWARDED_HEADER = 'x-tampines-forwarded-by';

export type AskedNode = { readonly name: string; readonly adminUrl: string };

export type NodeRequest = {
  readonly method: string;
  /** Encoded, from `/` on. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string | undefined;
  readonly timeoutMs: number;
};

export type NodeAnswer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

export class ClusterClient {
  readonly #node: string;
  readonly #timers: Timers;

  /** @param node name of this node */
  constructor(node: string, timers: Timers) {
    this.#node = node;
    this.#timers = timers;
  }

  /**
   * Returns the answer, whatever its status says.
   * @throws TampinesError `NODE_TIMEOUT` without a whole answer in time: a change may have been made
   * @throws TampinesError `NODE_UNREACHABLE`
   */
  ask(node: AskedNode, asked: NodeRequest): Promise<NodeAnswer> {
    const url = urlOf(node, asked);
    const headers = { ...asked.headers, [FORWARDED_HEADER]: toHeader(this.#node) };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(url, {
        method: asked.method,
        headers,
        // A kept connection that was just closed would leave open whether a change was made.
        agent: false,
      });
      const fail = (error: TampinesError): void => {
        timer.cancel();
        reject(error);
        request.destroy();
      };
      const timer = this.#timers.after(asked.timeoutMs, () => fail(silent(node, asked.timeoutMs)));
      request.on('error', (error) => fail(unreachable(node, error.message, error)));
      request.on('response', (response) => {
        readAnswer(response).then(
          (answer) => {
            timer.cancel();
            resolve(answer);
          },
          (error: unknown) => fail(unreachable(node, error instanceof Error ? error.message : '', error)),
        );
      });
      request.end(asked.body);
    });
  }
}

/** Names may be of any script, headers may not. */
export function toHeader(name: string): string {
  return name.replaceAll(/[^\x21-\x7e]/g, '?');
}

/** Returns the address to ask: of the node's own origin, whatever is asked. */
function urlOf(node: AskedNode, { path, query }: NodeRequest): URL {
  const origin = URL.canParse(node.adminUrl) ? new URL(node.adminUrl) : undefined;
  if (origin === undefined || !/^https?:$/.test(origin.protocol)) {
    throw unreachable(node, 'the address that it gave is none of http or https');
  }
  const url = new URL(`${origin.protocol}//${origin.host}`);
  url.pathname = path;
  url.search = query.toString();
  return url;
}

async function readAnswer(response: IncomingMessage): Promise<NodeAnswer> {
  const status = response.statusCode ?? 0;
  if (status < 200 || (status >= 300 && status < 400)) {
    throw new Error(`it answered with status ${String(status)}, which no node does`);
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_MAX_BYTES) throw new Error(`its answer has more than ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return { status, headers: response.headers, body: Buffer.concat(chunks) };
}

function silent(node: AskedNode, timeoutMs: number): TampinesError {
  const message = `Node ${node.name} did not answer within ${String(timeoutMs)} ms`;
  return new TampinesError('NODE_TIMEOUT', message, { fields: { node: node.name }, isRetryable: true });
}

function unreachable(node: AskedNode, why: string, cause?: unknown): TampinesError {
  const message = `Node ${node.name} can't be asked: ${why}`;
  return new TampinesError('NODE_UNREACHABLE', message, {
    fields: { node: node.name },
    cause,
    isRetryable: true,
  });
}
