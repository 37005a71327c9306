/** The actors of the node, how they do, and what can be done to those of instruments. */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { linkTo } from '../navigation.ts';
import { nodeLink } from '../node/node-link.ts';
import type { ActorsAnswer, SupervisionEvent } from '../node/rest-documents.ts';
import { useAnswer } from '../node/use-answer.ts';
import { InstrumentOperations } from '../parts/instrument-operations.tsx';
import { MissingNodes } from '../parts/missing-nodes.tsx';
import { useRowWindow } from '../parts/use-row-window.ts';
import { useSeconds } from '../parts/use-seconds.ts';
import { ageText } from '../text/time-text.ts';
import type { ActorLine } from './actor-tree.ts';
import { hasTrouble, instrumentOf, linesOf } from './actor-tree.ts';
import { isTrouble } from './event-list.ts';

const EVERY_MS = 1_000;
/** As the style sheet has it. */
const ROW_HEIGHT = 32;
/** How long something that happened to an actor is pointed out. */
const NEWS_MS = 15_000;

export function ActorPanel({ events }: { readonly events: readonly SupervisionEvent[] }): JSX.Element {
  useSeconds();
  const { answer, failure } = useAnswer<ActorsAnswer>('/v1/actors?limit=10000', EVERY_MS);
  const [contains, setContains] = useState('');
  const [isTroubleOnly, setTroubleOnly] = useState(false);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const lines = useMemo(
    () => linesOf(answer?.actors ?? [], { contains, isTroubleOnly, closed }),
    [answer, contains, isTroubleOnly, closed],
  );
  const { view, window } = useRowWindow(lines.length, ROW_HEIGHT);
  const news = newestEventOf(events);
  const toggle = (path: string): void => {
    const changed = new Set(closed);
    if (!changed.delete(path)) changed.add(path);
    setClosed(changed);
  };
  const troubled = answer?.actors.filter(hasTrouble).length ?? 0;
  return (
    <section class="panel actor-panel" aria-label="Actors">
      <header>
        <h2>Actors</h2>
        <input
          type="search"
          placeholder="Filter by path"
          aria-label="Filter actors by path"
          value={contains}
          onInput={(event) => setContains(event.currentTarget.value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isTroubleOnly}
            onChange={(event) => setTroubleOnly(event.currentTarget.checked)}
          />
          restarted or not running ({troubled})
        </label>
        <span class="count">{answer === undefined ? '' : `${answer.total} actors`}</span>
      </header>
      {failure !== undefined && <p class="is-ill panel-failure">{failure}</p>}
      <MissingNodes nodes={answer?.nodes} />
      <div
        class="actor-view figures"
        ref={view}
        tabIndex={0}
        role="treegrid"
        aria-label="Actors"
        aria-rowcount={lines.length}
      >
        <div class="actor-line actor-head" role="row">
          <span role="columnheader">Path</span>
          <span role="columnheader">Status</span>
          <span role="columnheader">Waiting</span>
          <span role="columnheader">Restarts</span>
          <span role="columnheader">What happened last</span>
          <span />
        </div>
        <div class="actor-rows" style={{ height: `${lines.length * ROW_HEIGHT}px` }}>
          {lines.slice(window.first, window.end).map((line, index) => (
            <ActorRow
              key={line.actor.path}
              line={line}
              top={(window.first + index) * ROW_HEIGHT}
              event={news.get(line.actor.path)}
              onToggle={() => toggle(line.actor.path)}
            />
          ))}
        </div>
      </div>
    </section>
  );
}

function ActorRow(props: {
  readonly line: ActorLine;
  readonly top: number;
  readonly event: SupervisionEvent | undefined;
  readonly onToggle: () => void;
}): JSX.Element {
  const { line, top, event, onToggle } = props;
  const { actor, depth, name, childCount, isOpen } = line;
  const instrument = instrumentOf(actor);
  const ageMs = event === undefined ? Infinity : nodeLink.nowMs() - event.timeMs;
  const isNews = event !== undefined && ageMs < NEWS_MS && (isTrouble(event) || actor.restarts > 0);
  return (
    <div
      class={`actor-line actor-row${actor.status === 'running' ? '' : ' is-down'}${isNews ? ' is-news' : ''}`}
      role="row"
      aria-level={depth + 1}
      aria-expanded={childCount > 0 ? isOpen : undefined}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span role="gridcell" class="actor-name" style={{ paddingLeft: `${depth * 16}px` }}>
        {childCount > 0 ? (
          <button
            type="button"
            class="fold"
            onClick={onToggle}
            aria-label={`${isOpen ? 'Close' : 'Open'} ${actor.path}`}
          >
            {isOpen ? '▾' : '▸'}
          </button>
        ) : (
          <i class="fold" />
        )}
        {instrument === undefined ? name : <a href={linkTo({ page: 'instrument', ...instrument })}>{name}</a>}
        {childCount > 0 && <em>{childCount}</em>}
      </span>
      <span role="gridcell" class={`actor-status is-${actor.status}`}>
        {actor.status}
      </span>
      <span role="gridcell">{actor.mailboxCount}</span>
      <span role="gridcell" class={actor.restarts > 0 ? 'is-ill' : ''}>
        {actor.restarts}
      </span>
      <span role="gridcell" class="actor-last" title={actor.lastFailure?.cause ?? event?.cause}>
        {isNews ? (
          <>
            <b>{event.kind}</b> {ageText(ageMs)} ago {event.cause}
          </>
        ) : (
          actor.lastFailure !== null &&
          `${ageText(nodeLink.nowMs() - actor.lastFailure.atMs)} ago: ${actor.lastFailure.cause}`
        )}
      </span>
      <span role="gridcell" class="actor-operations">
        {instrument !== undefined && <InstrumentOperations {...instrument} actorStatus={actor.status} />}
      </span>
    </div>
  );
}

function newestEventOf(events: readonly SupervisionEvent[]): Map<string, SupervisionEvent> {
  // The newest come first, and the last one that is put in stays.
  return new Map(events.toReversed().map((event) => [event.path, event]));
}
