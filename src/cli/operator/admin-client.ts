/**
 * Asks the admin REST of a running node. What goes wrong becomes a `CommandFailure` that says what was refused, why, and what to do, with the exit
 * code of its kind.
 */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import type { Problem } from '../../admin/problems.ts';
import { problemSchema } from '../../admin/problems.ts';
import { CommandFailure, EXIT_CODES } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { toPrintable } from '../text-table.ts';
import { adviceFor } from './advice.ts';

export type AdminClientOptions = {
  /** `http://host:port`, a path in front of `/v1` too. */
  readonly url: string;
  /** Secret; empty: none is sent. */
  readonly token: string;
  /** Failures are told as JSON, for scripts. */
  readonly isJson: boolean;
};

export type AdminRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Begins with `/`. */
  readonly path: string;
  /** What is `undefined` is left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

const ANSWER_TIMEOUT_MS = 40_000;

export class AdminClient {
  readonly url: string;
  readonly #token: string;
  readonly #isJson: boolean;

  /** @throws CommandFailure when the URL is none */
  constructor({ url, token, isJson }: AdminClientOptions) {
    if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
      throw new CommandFailure(EXIT_CODES.usage, `--url wants http://host:port, was '${toPrintable(url)}'`);
    }
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
    this.#isJson = isJson;
  }

  /** Returns the answer, checked. @throws CommandFailure */
  async read<Schema extends z.ZodType>(request: AdminRequest, schema: Schema): Promise<z.output<Schema>> {
    const response = await this.send(request);
    const parsed = schema.safeParse(await response.json().catch(() => undefined));
    if (parsed.success) return parsed.data;
    throw new CommandFailure(
      EXIT_CODES.internal,
      `${this.url}${request.path} answered in another form than this version of tampines reads.\nWhat to do: use the command of the node's own version.`,
    );
  }

  /** Returns the response when it is a success; its body is still to be read. @throws CommandFailure */
  async send(request: AdminRequest, options: { readonly signal?: AbortSignal } = {}): Promise<Response> {
    const response = await this.#fetch(request, options.signal ?? AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    if (response.ok) return response;
    const problem = problemSchema.safeParse(await response.json().catch(() => undefined));
    if (problem.success) throw this.#refusal(problem.data);
    throw this.#noNode(
      `${this.url}${request.path} answered with status ${response.status} and no problem document: this is no Tampines node.`,
      'check --url or TAMPINES_URL.',
    );
  }

  async #fetch({ method, path, query, body, headers }: AdminRequest, signal: AbortSignal): Promise<Response> {
    const url = new URL(`${this.url}${path}`);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    try {
      return await fetch(url, {
        method,
        signal,
        redirect: 'error',
        headers: {
          accept: 'application/json',
          ...(this.#token !== '' && { authorization: `Bearer ${this.#token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw this.#noNode(
        `No node answers at ${this.url}: ${reasonOf(cause)}`,
        'start it with `tampines start`, or name another with --url or TAMPINES_URL.',
        { cause },
      );
    }
  }

  #refusal(problem: Problem): CommandFailure {
    const exitCode = exitCodeOf(problem.status);
    if (this.#isJson) return new CommandFailure(exitCode, JSON.stringify(problem, undefined, 2));
    const fields = Object.entries(problem.fields).map(([name, value]) => `  ${name}: ${String(value)}`);
    const advice = adviceFor(problem.code);
    const lines = [
      `${problem.title} (${problem.code})`,
      problem.detail,
      ...(problem.code === 'REQUEST_INVALID' ? fields : []),
      ...(advice === undefined ? [] : [`What to do: ${advice}`]),
    ];
    return new CommandFailure(exitCode, lines.map(toPrintable).join('\n'));
  }

  /** There is no node to write a problem document; scripts read its `detail` all the same. */
  #noNode(detail: string, toDo: string, options?: ErrorOptions): CommandFailure {
    const message = this.#isJson
      ? JSON.stringify({ title: 'No node', detail, toDo }, undefined, 2)
      : `${detail}\nWhat to do: ${toDo}`;
    return new CommandFailure(EXIT_CODES.unreachable, message, options);
  }
}

/** Returns the path of an instrument's routes. */
export function instrumentPath(exchange: string, symbol: string): string {
  return `/v1/instruments/${encodeURIComponent(exchange)}/${encodeURIComponent(symbol)}`;
}

/** Returns the token of the file, else that of the environment; empty where neither is given. @throws CommandFailure */
export function readToken(file: string | undefined, environment: NodeJS.ProcessEnv): string {
  if (file === undefined) return environment['TAMPINES_ADMIN_TOKEN'] ?? '';
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CommandFailure(EXIT_CODES.usage, `Cannot read --token-file ${file}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

function exitCodeOf(status: number): ExitCode {
  if (status === 404) return EXIT_CODES.notFound;
  if (status === 401 || status === 403) return EXIT_CODES.notAllowed;
  if (status === 409 || status === 412) return EXIT_CODES.conflict;
  return status === 429 || status >= 500 ? EXIT_CODES.tryAgain : EXIT_CODES.failed;
}

/** What `fetch` says is only that it failed; the reason is its cause, of several addresses the first. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${ANSWER_TIMEOUT_MS / 1_000} s`;
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
