/** What supervisors saw and decided: a page of the past from the REST, then each event as it happens. */
import { useEffect } from 'preact/hooks';
import { nodeLink, onReturn } from '../node/node-link.ts';
import { readJson } from '../node/rest.ts';
import type { SupervisionEvent, SupervisionEventsAnswer } from '../node/rest-documents.ts';
import { followChannel } from '../node/use-channel.ts';
import { Store, useStore } from '../state/store.ts';
import { withEvents } from './event-list.ts';

const PAST_EVENTS = 300;

const log = new Store<readonly SupervisionEvent[] | undefined>(undefined);

/** Returns the events, newest first; `undefined` until the node told its past. */
export function useSupervisionLog(): readonly SupervisionEvent[] | undefined {
  useEffect(() => {
    const end = new AbortController();
    const take = (events: readonly SupervisionEvent[]): void => log.set(withEvents(log.get() ?? [], events));
    const read = (): void => {
      readJson<SupervisionEventsAnswer>(`/v1/supervision/events?limit=${PAST_EVENTS}`, end.signal).then(
        ({ events }) => take(events),
        (error: unknown) => {
          if (!end.signal.aborted) nodeLink.noteFailure(error);
        },
      );
    };
    const stops = [
      followChannel('supervision', {
        onDocument: ({ event }, { continuity }) => {
          take([event]);
          if (continuity === 'skipped') read();
        },
      }),
      onReturn(read),
    ];
    read();
    return () => {
      end.abort();
      for (const stop of stops) stop();
    };
  }, []);
  return useStore(log);
}
