import { toNativeSymbol } from '../market/symbols.ts';
import type { FeedMessage } from './adapter.ts';

type Rejected = Extract<FeedMessage, { type: 'rejected' }>;

/** Returns the message for a part of a frame that can't be used, while the book stays right without it. */
export function rejected(symbol: string | undefined, reason: string): Rejected {
  return {
    type: 'rejected',
    nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
    reason,
  };
}

/** Returns the message for a part of the symbol's book that can't be used: without it the book is wrong from here on. */
export function damaged(symbol: string | undefined, reason: string): Rejected {
  return { ...rejected(symbol, reason), damagesBook: true };
}
