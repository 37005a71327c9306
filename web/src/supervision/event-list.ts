/** Supervision events as a list: each once, newest first, and no more than a person scrolls through. */
import type { SupervisionEvent } from '../node/rest-documents.ts';

export const EVENTS_MAX = 500;

/** Kinds that belong to every start and stop; all others tell of trouble. */
const ORDINARY: readonly string[] = ['started', 'recovered', 'stopped', 'unparked'];

export function isTrouble({ kind }: Pick<SupervisionEvent, 'kind'>): boolean {
  return !ORDINARY.includes(kind);
}

export function withEvents(
  list: readonly SupervisionEvent[],
  told: readonly SupervisionEvent[],
): readonly SupervisionEvent[] {
  const known = new Set(list.map(identityOf));
  const news = told.filter((event) => !known.has(identityOf(event)));
  if (news.length === 0) return list;
  return [...news, ...list].sort((a, b) => b.timeMs - a.timeMs).slice(0, EVENTS_MAX);
}

/** An actor comes to one decision of a kind in a millisecond. */
export function identityOf({ timeMs, path, kind, attempt }: SupervisionEvent): string {
  return `${timeMs} ${path} ${kind} ${attempt}`;
}
