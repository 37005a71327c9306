/** What one check of the doctor came to. */
export type Finding = {
  /** `settings`, `postgres`, `exchange binance`, … */
  readonly check: string;
  /** `warn`: a node can run, but somebody should know. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** Empty where nothing is to be done. */
  readonly toDo: string;
};

export const ok = (check: string, found: string): Finding => ({ check, verdict: 'ok', found, toDo: '' });

export const warn = (check: string, found: string, toDo: string): Finding => ({
  check,
  verdict: 'warn',
  found,
  toDo,
});

export const fail = (check: string, found: string, toDo: string): Finding => ({
  check,
  verdict: 'fail',
  found,
  toDo,
});

/** How long any one service may take to answer. */
export const CHECK_TIMEOUT_MS = 5_000;

/** Returns what an error says of itself: its reason, of several addresses the first. It never holds an address with a password. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return `no answer within ${CHECK_TIMEOUT_MS / 1_000} s`;
  }
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
