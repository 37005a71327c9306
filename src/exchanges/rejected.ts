import { toNativeSymbol } from '../market/symbols.ts';
import type { FeedMessage } from './adapter.ts';

/** Reasons may quote what came over the wire. */
const REASON_MAX_CHARS = 200;

type Rejected = Extract<FeedMessage, { type: 'rejected' }>;

/** Returns the message for a part of a frame that can't be used, while the book stays right without it. */
export function rejected(symbol: string | undefined, reason: string): Rejected {
  return {
    type: 'rejected',
    nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
    reason: reason.slice(0, REASON_MAX_CHARS),
  };
}

/** Returns the message for a part of the symbol's book that can't be used: without it the book is wrong from here on. */
export function damaged(symbol: string | undefined, reason: string): Rejected {
  return { ...rejected(symbol, reason), damagesBook: true };
}
