/** Supervision events as rows. */
import type { z } from 'zod';
import type { supervisionEventsSchema } from '../../admin/operations-schemas.ts';
import type { Column } from '../text-table.ts';

export type SupervisionEvent = z.output<typeof supervisionEventsSchema>['events'][number];

export const EVENT_COLUMNS: readonly Column<SupervisionEvent>[] = [
  { title: 'TIME (UTC)', text: ({ timeMs }) => formatTime(timeMs) },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'PATH', text: ({ path }) => path },
  { title: 'ATTEMPT', text: ({ attempt }) => String(attempt), isRight: true },
  { title: 'DELAY', text: ({ delayMs }) => `${delayMs} ms`, isRight: true },
  { title: 'CAUSE', text: ({ cause }) => cause },
];

/** Returns `2026-11-28 17:42:31.120`, in UTC as in the log. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').slice(0, 23);
}
