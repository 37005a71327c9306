/** How far a book can be trusted, from all that is known of it: what it says itself, what the stream says of it, and whether the node is there. */
import type { BookStatus } from '../node/rest-documents.ts';

export type Trust = {
  readonly level: 'live' | 'stale' | 'empty' | 'parked' | 'lost' | 'waiting';
  /** Why it is not live; empty where it is. */
  readonly reason: string;
};

export type TrustFacts = {
  /** Why nothing comes from the node. */
  readonly lostReason: string | undefined;
  readonly actorStatus: string | undefined;
  /** Of the newest word on the book; `undefined` before the first. */
  readonly status: BookStatus | undefined;
  readonly reason: string;
  /** Of the stream. */
  readonly doubt: string | undefined;
};

export function judge({ lostReason, actorStatus, status, reason, doubt }: TrustFacts): Trust {
  if (lostReason !== undefined) return { level: 'lost', reason: `no connection to the node: ${lostReason}` };
  if (actorStatus === 'parked') {
    return { level: 'parked', reason: reason || 'its actor was given up and waits to be started again' };
  }
  if (doubt !== undefined) return { level: 'stale', reason: doubt };
  if (status === undefined) return { level: 'waiting', reason: 'nothing was told yet' };
  if (actorStatus !== undefined && actorStatus !== 'running') {
    return { level: 'stale', reason: reason || `its actor is ${actorStatus}` };
  }
  if (status === 'live') return { level: 'live', reason: '' };
  return { level: status, reason: reason || 'no book was seen yet' };
}
