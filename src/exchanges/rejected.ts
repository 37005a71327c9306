import { toNativeSymbol } from '../market/symbols.ts';
import type { FeedMessage } from './adapter.ts';

/** Returns the message for a part of a frame that can't be used; it goes to the dead letters and costs nothing else. */
export function rejected(symbol: string | undefined, reason: string): FeedMessage {
  return {
    type: 'rejected',
    nativeSymbol: symbol === undefined ? undefined : toNativeSymbol(symbol),
    reason,
  };
}
