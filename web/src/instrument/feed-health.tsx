/** How the feed of an instrument does: its connections, when it was not whole, and what its supervisor did. */
import type { ComponentChildren, JSX } from 'preact';
import { nodeLink } from '../node/node-link.ts';
import type {
  ConnectionsAnswer,
  GapsAnswer,
  InstrumentDetail,
  SupervisionEventsAnswer,
} from '../node/rest-documents.ts';
import { useAnswer } from '../node/use-answer.ts';
import { ageText, clockText, dateTimeText } from '../text/time-text.ts';

const EVERY_MS = 2_000;
const EVENTS = 'restarted,parked,unparked,poison,escalated,stuck,abandoned,fenced';

export function FeedHealth(props: {
  readonly exchange: string;
  readonly symbol: string;
  readonly detail: InstrumentDetail | undefined;
}): JSX.Element {
  const { exchange, symbol, detail } = props;
  const connections = useAnswer<ConnectionsAnswer>(`/v1/exchanges/${exchange}/connections`, EVERY_MS);
  const gaps = useAnswer<GapsAnswer>(
    `/v1/gaps?exchange=${exchange}&symbol=${encodeURIComponent(symbol)}&limit=50`,
    EVERY_MS,
  );
  const supervision = useAnswer<SupervisionEventsAnswer>(
    `/v1/supervision/events?kind=${EVENTS}&limit=1000`,
    EVERY_MS,
  );
  const events = supervision.answer?.events.filter(({ path }) => path.endsWith(`/${exchange}:${symbol}`));
  const counters = detail?.state?.counters ?? {};
  return (
    <section class="panel health-panel" aria-label="Feed health">
      <header>
        <h2>Feed health</h2>
        <dl class="facts">
          <Fact name="actor">{detail?.actorStatus ?? '–'}</Fact>
          <Fact name="restarts">{detail?.restarts ?? '–'}</Fact>
          <Fact name="events">{detail?.state?.position ?? '–'}</Fact>
          <Fact name="snapshots">{counters['bookSnapshots'] ?? '–'}</Fact>
          <Fact name="checksums bad">{counters['checksumsBad'] ?? '–'}</Fact>
          <Fact name="crossed">{counters['crossedAfterUpdate'] ?? '–'}</Fact>
        </dl>
      </header>
      <div class="health-parts">
        <Part title={`Connections of ${exchange}`} failure={connections.failure}>
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">State</th>
                <th scope="col">Books sure</th>
                <th scope="col">Gaps</th>
                <th scope="col">Reconnects</th>
                <th scope="col">Heard</th>
              </tr>
            </thead>
            <tbody>
              {connections.answer?.connections.map((each) => (
                <tr
                  key={each.name}
                  title={
                    each.lastClosedReason === null
                      ? each.url
                      : `${each.url}; closed last: ${each.lastClosedReason}`
                  }
                >
                  <td>{each.name}</td>
                  <td class={each.state === 'open' && !each.isPaused ? 'is-well' : 'is-ill'}>
                    {each.isPaused ? 'paused' : each.state}
                  </td>
                  <td class={each.syncedCount < each.watchedCount ? 'is-ill' : ''}>
                    {each.syncedCount}/{each.watchedCount}
                  </td>
                  <td>{each.connectionGapCount}</td>
                  <td>{each.reconnects}</td>
                  <td>{each.lastSoundMs === null ? '–' : ageText(nodeLink.nowMs() - each.lastSoundMs)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Part>
        <Part title="Gaps" failure={gaps.failure} empty={gaps.answer?.gaps.length === 0 && 'None on record'}>
          <ul class="records">
            {gaps.answer?.gaps.map((gap) => (
              <li key={`${gap.channel}${gap.fromMs}`}>
                <time>{dateTimeText(gap.fromMs)}</time>
                <b>{gap.channel}</b>
                <span class={gap.repair === 'incomplete' ? 'is-ill' : ''}>
                  {ageText(gap.toMs - gap.fromMs)}, {gap.repair}
                </span>
                <span class="why">{gap.reason}</span>
              </li>
            ))}
          </ul>
        </Part>
        <Part
          title="Supervision"
          failure={supervision.failure}
          empty={events?.length === 0 && 'Nothing on record'}
        >
          <ul class="records">
            {events?.slice(0, 50).map((event) => (
              <li key={`${event.timeMs}${event.kind}${event.attempt}`}>
                <time title={dateTimeText(event.timeMs)}>{clockText(event.timeMs)}</time>
                <b>{event.kind}</b>
                <span class="why">{event.cause}</span>
              </li>
            ))}
          </ul>
        </Part>
      </div>
    </section>
  );
}

function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Part(props: {
  readonly title: string;
  readonly failure: string | undefined;
  readonly empty?: string | false | undefined;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="health-part">
      <h3>{props.title}</h3>
      {props.failure !== undefined && <p class="is-ill">{props.failure}</p>}
      {props.empty ? <p class="unknown">{props.empty}</p> : props.children}
    </div>
  );
}
