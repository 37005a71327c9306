/** What to do about a refusal, in commands. The problem's own detail speaks of routes, to whoever asks by HTTP. */
import type { ErrorCode } from '../../base/errors.ts';

const ADVICE: Readonly<Partial<Record<ErrorCode, string>>> = {
  UNKNOWN_EXCHANGE: 'the detail lists the exchanges there are.',
  UNKNOWN_SYMBOL: 'give the unified symbol, such as BTC-USDT, or the exchange’s own.',
  INSTRUMENT_EXISTS: 'nothing; `tampines ls` shows it.',
  INSTRUMENT_UNKNOWN: '`tampines ls` shows what runs here; `tampines spawn EXCHANGE SYMBOL` starts it.',
  CHANGED_MEANWHILE: 'look at it again with `tampines ls`; somebody, or its supervisor, was first.',
  SAVEPOINTS_FULL: '`tampines savepoint EXCHANGE SYMBOL --list`, then `--delete BATCH`.',
  SAVEPOINT_UNKNOWN: '`tampines savepoint EXCHANGE SYMBOL --list` shows those there are.',
  SAVEPOINT_NEWEST: 'try again in some seconds, when something has come for the instrument.',
  ACTOR_UNAVAILABLE:
    '`tampines ls` shows its status and last failure; `tampines restart EXCHANGE SYMBOL` starts a parked one.',
  ASK_TIMEOUT: 'try again; `tampines doctor` says what holds the node up.',
  SERVICE_UNAVAILABLE: '`tampines doctor` says what is missing; then try again.',
  OUTCOME_UNKNOWN: 'look with `tampines ls` whether it was done, then try again.',
  FEED_REQUEST: 'try again later; `tampines doctor` says whether the exchange can be reached.',
  UNAUTHORIZED: 'set TAMPINES_ADMIN_TOKEN, or give --token-file, with a token of the node.',
  CHANGE_FORBIDDEN: 'set a token on the node, or run the command on its machine.',
  HOST_REFUSED: 'use a --url of 127.0.0.1 or localhost, or bind the node to another address.',
  TOO_MANY_REQUESTS: 'try again in a second.',
  FENCED: 'ask the node that owns the instruments now.',
  INTERNAL: 'look for `REST request failed` in the log of the node.',
};

export function adviceFor(code: ErrorCode): string | undefined {
  return ADVICE[code];
}
