import type { JSX } from 'preact';
import type { Trust } from './trust.ts';

const WORDS: Readonly<Record<Trust['level'], string>> = {
  live: 'live',
  stale: 'STALE',
  empty: 'empty',
  parked: 'PARKED',
  lost: 'CUT OFF',
  waiting: '…',
};

/** The status of a book in a word, its reason beside it for whoever points at it. */
export function TrustMark({ trust }: { readonly trust: Trust }): JSX.Element {
  return (
    <span class={`trust trust-${trust.level}`} title={trust.reason}>
      {WORDS[trust.level]}
    </span>
  );
}

/** Across a panel whose numbers may be wrong: nobody reads them without reading this. */
export function TrustBar({ trust }: { readonly trust: Trust }): JSX.Element | null {
  if (trust.level === 'live' || trust.level === 'waiting') return null;
  return (
    <p class={`trust-bar trust-bar-${trust.level}`} role="alert">
      <strong>{trust.level === 'empty' ? 'NO BOOK' : WORDS[trust.level]}</strong>
      <span>
        {trust.level === 'empty' ? '' : 'may be wrong: '}
        {trust.reason}
      </span>
    </p>
  );
}
