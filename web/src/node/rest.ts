/** Requests to the node that served the page. */
import { forgetToken, operatorToken } from './operator-token.ts';

/** It refused, in its own words. */
export class RefusedError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.name = 'RefusedError';
    this.status = status;
    this.code = code;
  }
}

const ANSWER_MAX_MS = 5_000;

/** @throws RefusedError where the node says no; whatever `fetch` throws where there is no node */
export async function readJson<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  const deadline = AbortSignal.timeout(ANSWER_MAX_MS);
  const response = await fetch(path, {
    signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
  });
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as Answer;
}

/**
 * Asks for a change.
 * @param version of the instrument that was looked at; the change is refused where it is another by now
 * @throws RefusedError, with status 401 where a token is needed or the one that was given is wrong
 */
export async function change(path: string, version?: string): Promise<void> {
  const token = operatorToken();
  const response = await fetch(path, {
    method: 'POST',
    signal: AbortSignal.timeout(ANSWER_MAX_MS),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(version === undefined ? {} : { 'if-match': `"${version}"` }),
    },
  });
  if (response.ok) return;
  if (response.status === 401) forgetToken();
  throw await refusal(response);
}

async function refusal(response: Response): Promise<RefusedError> {
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
  return new RefusedError(
    response.status,
    problem.code ?? 'UNKNOWN',
    problem.detail ?? `The node answered with ${response.status}`,
  );
}

export function instrumentPath(exchange: string, symbol: string): string {
  return `/v1/instruments/${exchange}/${encodeURIComponent(symbol)}`;
}
