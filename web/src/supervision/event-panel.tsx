import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SupervisionEvent } from '../node/rest-documents.ts';
import { ageText, clockTextWithMs, dateTimeText } from '../text/time-text.ts';
import { identityOf, isTrouble } from './event-list.ts';

export function EventPanel({
  events,
}: {
  readonly events: readonly SupervisionEvent[] | undefined;
}): JSX.Element {
  const [isTroubleOnly, setTroubleOnly] = useState(false);
  const [contains, setContains] = useState('');
  const shown = events?.filter(
    (event) =>
      (!isTroubleOnly || isTrouble(event)) &&
      `${event.path} ${event.kind} ${event.cause}`.toLowerCase().includes(contains.toLowerCase()),
  );
  return (
    <section class="panel event-panel" aria-label="Supervision events">
      <header>
        <h2>Events</h2>
        <input
          type="search"
          placeholder="Filter by path or cause"
          aria-label="Filter events by path or cause"
          value={contains}
          onInput={(event) => setContains(event.currentTarget.value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isTroubleOnly}
            onChange={(event) => setTroubleOnly(event.currentTarget.checked)}
          />
          trouble only
        </label>
      </header>
      <ol class="event-list figures" tabIndex={0} aria-label="Supervision events, newest first">
        {shown?.map((event) => (
          <li key={identityOf(event)} class={isTrouble(event) ? `event is-${event.kind}` : 'event'}>
            <time title={dateTimeText(event.timeMs)}>{clockTextWithMs(event.timeMs)}</time>
            <b class="event-kind">{event.kind}</b>
            <span class="event-path">{event.path}</span>
            <span class="event-cause">
              {event.cause}
              {consequenceOf(event)}
            </span>
          </li>
        ))}
      </ol>
      {shown?.length === 0 && <p class="nothing">Nothing on record</p>}
    </section>
  );
}

function consequenceOf({ decision, attempt, delayMs }: SupervisionEvent): JSX.Element | null {
  if (decision === '' || decision === 'continue') return null;
  const parts = [
    decision,
    ...(attempt > 0 ? [`attempt ${attempt}`] : []),
    ...(delayMs > 0 ? [`after ${ageText(delayMs)}`] : []),
  ];
  return <em> → {parts.join(', ')}</em>;
}
