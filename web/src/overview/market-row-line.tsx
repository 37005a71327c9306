/** One instrument in the overview. */
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { nodeLink } from '../node/node-link.ts';
import { Exact } from '../parts/exact.tsx';
import { judge } from '../parts/trust.ts';
import { TrustMark } from '../parts/trust-mark.tsx';
import { compareDecimals, cutDecimals, decimalsOf, signOf } from '../text/decimal-text.ts';
import { ageText } from '../text/time-text.ts';
import type { MarketRow } from './market-rows.ts';
import { spreadPoints } from './market-rows.ts';

const NARROW = matchMedia('(max-width: 720px)');

/** As the style sheet has it: a finger needs more than a mouse. */
export function rowHeight(): number {
  return NARROW.matches ? 44 : 32;
}

export function MarketRowLine(props: {
  readonly row: MarketRow;
  readonly index: number;
  readonly isActive: boolean;
  readonly href: string;
  readonly lostReason: string | undefined;
  /** From which lag on something is wrong. */
  readonly lateMs: number;
}): JSX.Element {
  const { row, index, isActive, href, lostReason, lateMs } = props;
  const { actorStatus, status, reason, doubt } = row;
  const trust = judge({ lostReason, actorStatus, status, reason: reason || (row.lastFailure ?? ''), doubt });
  const direction = useDirection(row.last);
  const decimals = useDecimals([row.last, row.bid, row.ask]);
  const lagMs = row.receiveTimeMs === null ? undefined : nodeLink.nowMs() - row.receiveTimeMs;
  return (
    <div
      id={`row-${row.key}`}
      class={`market-line market-row is-${trust.level}${isActive ? ' is-active' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isActive}
      style={{ transform: `translateY(${index * rowHeight()}px)` }}
    >
      <span role="gridcell" class="cell-instrument">
        <a href={href} tabIndex={-1}>
          <b>{row.symbol}</b> <em>{row.exchange}</em>
        </a>
      </span>
      <span role="gridcell" class={`cell-last went-${direction}`}>
        <Exact text={row.last} decimals={decimals} />
      </span>
      <span
        role="gridcell"
        class={`cell-change sign-${row.changePercent === null ? 'same' : signOf(cutDecimals(row.changePercent, 2))}`}
      >
        <Exact text={row.changePercent === null ? null : cutDecimals(row.changePercent, 2)} decimals={2} />
      </span>
      <span role="gridcell" class="cell-bid">
        <Exact text={row.bid} decimals={decimals} />
      </span>
      <span role="gridcell" class="cell-ask">
        <Exact text={row.ask} decimals={decimals} />
      </span>
      <span role="gridcell" class="cell-spread">
        <Exact text={row.spread} decimals={decimals} />
      </span>
      <span role="gridcell" class="cell-points">
        <Exact text={spreadPoints(row)} />
      </span>
      <span role="gridcell" class="cell-volume" title={row.volume ?? ''}>
        <Exact text={row.volume === null ? null : cutDecimals(row.volume, 3)} decimals={3} />
      </span>
      <span role="gridcell" class="cell-status">
        <TrustMark trust={trust} />
        <small>{trust.reason}</small>
      </span>
      <span role="gridcell" class={`cell-lag${lagMs !== undefined && lagMs > lateMs ? ' is-late' : ''}`}>
        {lagMs === undefined ? '–' : ageText(lagMs)}
      </span>
      <span role="gridcell" class={`cell-restarts${row.restarts > 0 ? ' is-some' : ''}`}>
        {row.restarts}
      </span>
    </div>
  );
}

/** The most decimals that were seen: a price that needs fewer leaves the others where they are. */
function useDecimals(prices: readonly (string | null)[]): number {
  const most = useRef(0);
  most.current = Math.max(most.current, ...prices.map(decimalsOf));
  return most.current;
}

type Direction = 'up' | 'down' | 'nowhere';

/** How long a price shows where it went; it is looked at each second. An animation would draw all rows anew with each frame. */
const MOVED_MS = 1_200;

/** Returns where the price went, for a moment after it changed. */
function useDirection(last: string | null): Direction {
  const seen = useRef<{ last: string | null; direction: Direction; movedMs: number }>({
    last,
    direction: 'nowhere',
    movedMs: 0,
  });
  const before = seen.current;
  const nowMs = performance.now();
  if (last !== before.last) {
    const order = last === null || before.last === null ? 0 : compareDecimals(last, before.last);
    const direction = order > 0 ? 'up' : order < 0 ? 'down' : 'nowhere';
    seen.current = { last, direction, movedMs: nowMs };
  }
  return nowMs - seen.current.movedMs < MOVED_MS ? seen.current.direction : 'nowhere';
}
