/** `tampines events`: what supervisors saw and decided, oldest first, so that the newest stands last. */
import { supervisionEventsSchema } from '../../admin/operations-schemas.ts';
import { formatTable } from '../text-table.ts';
import { EVENT_COLUMNS } from './event-columns.ts';
import { followEvents } from './follow-events.ts';
import type { AdminClient } from './admin-client.ts';
import type { Screen } from './screen.ts';
import { readSince } from './since.ts';
import { writeJson, writeLines } from './screen.ts';

export async function showEvents(options: {
  client: AdminClient;
  screen: Screen;
  isJson: boolean;
  path: string | undefined;
  kind: string | undefined;
  /** As written by people, see `since.ts`. */
  since: string | undefined;
  limit: number;
  /** Goes on with those to come. */
  isFollowing?: boolean;
  signal?: AbortSignal;
}): Promise<void> {
  const { client, screen, path, kind, limit } = options;
  const sinceMs = options.since === undefined ? undefined : readSince(options.since);
  const { events } = await client.read(
    { method: 'GET', path: '/v1/supervision/events', query: { path, kind, since: sinceMs, limit } },
    supervisionEventsSchema,
  );
  const oldestFirst = events.toReversed();
  if (options.isFollowing !== true) {
    if (options.isJson) writeJson(screen, { events: oldestFirst });
    else if (events.length === 0) writeLines(screen, ['No event matches.']);
    else writeLines(screen, formatTable(EVENT_COLUMNS, oldestFirst, { widthMax: screen.width }));
    return;
  }
  const { isJson, signal } = options;
  await followEvents({ client, screen, isJson, path, kind, sinceMs, told: oldestFirst, signal });
}
