/** `tampines events`: what supervisors saw and decided, oldest first, so that the newest stands last. */
import type { z } from 'zod';
import { supervisionEventsSchema } from '../../admin/operations-schemas.ts';
import type { Column } from '../text-table.ts';
import { formatTable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import type { Screen } from './screen.ts';
import { readSince } from './since.ts';
import { writeJson, writeLines } from './screen.ts';

export type SupervisionEvent = z.output<typeof supervisionEventsSchema>['events'][number];

const COLUMNS: readonly Column<SupervisionEvent>[] = [
  { title: 'TIME (UTC)', text: ({ timeMs }) => formatTime(timeMs) },
  { title: 'KIND', text: ({ kind }) => kind },
  { title: 'PATH', text: ({ path }) => path },
  { title: 'ATTEMPT', text: ({ attempt }) => String(attempt), isRight: true },
  { title: 'DELAY', text: ({ delayMs }) => `${delayMs} ms`, isRight: true },
  { title: 'CAUSE', text: ({ cause }) => cause },
];

export async function showEvents(options: {
  client: AdminClient;
  screen: Screen;
  isJson: boolean;
  path: string | undefined;
  kind: string | undefined;
  /** As written by people, see `since.ts`. */
  since: string | undefined;
  limit: number;
}): Promise<void> {
  const { client, screen, path, kind, limit } = options;
  const sinceMs = options.since === undefined ? undefined : readSince(options.since);
  const { events } = await client.read(
    { method: 'GET', path: '/v1/supervision/events', query: { path, kind, since: sinceMs, limit } },
    supervisionEventsSchema,
  );
  const oldestFirst = events.toReversed();
  if (options.isJson) writeJson(screen, { events: oldestFirst });
  else if (events.length === 0) writeLines(screen, ['No event matches.']);
  else writeLines(screen, formatTable(COLUMNS, oldestFirst, { widthMax: screen.width }));
}

/** Returns `2026-11-28 17:42:31.120`, in UTC as in the log. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').slice(0, 23);
}
