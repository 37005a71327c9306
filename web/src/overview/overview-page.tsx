/** All instruments at a glance: what they cost, how they keep up, and which of them can't be trusted now. */
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { linkTo } from '../navigation.ts';
import { nodeLink } from '../node/node-link.ts';
import { publishing } from '../node/publishing.ts';
import { MissingNodes } from '../parts/missing-nodes.tsx';
import { useRowWindow } from '../parts/use-row-window.ts';
import { useSeconds } from '../parts/use-seconds.ts';
import { Store, useStore } from '../state/store.ts';
import type { Arrangement, SortColumn } from './arrange-rows.ts';
import { arrangeRows, isLive } from './arrange-rows.ts';
import { MarketRowLine, rowHeight } from './market-row-line.tsx';
import type { MarketRow } from './market-rows.ts';
import { OverviewFilters } from './overview-filters.tsx';
import { marketRows, useListedRows, useTickersInSight } from './use-market-rows.ts';

const COLUMNS: readonly { readonly title: string; readonly sort?: SortColumn; readonly name: string }[] = [
  { title: 'Instrument', sort: 'instrument', name: 'instrument' },
  { title: 'Last', sort: 'last', name: 'last' },
  { title: '24 h %', sort: 'change', name: 'change' },
  { title: 'Bid', name: 'bid' },
  { title: 'Ask', name: 'ask' },
  { title: 'Spread', name: 'spread' },
  { title: 'bp', sort: 'spread', name: 'points' },
  { title: 'Volume 24 h', sort: 'volume', name: 'volume' },
  { title: 'Book', sort: 'status', name: 'status' },
  { title: 'Lag', sort: 'lag', name: 'lag' },
  { title: 'Restarts', sort: 'restarts', name: 'restarts' },
];

const arrangement = new Store<Arrangement>({
  contains: '',
  exchange: '',
  trust: '',
  sort: 'instrument',
  isDescending: false,
});
/** Of the row that the keyboard is on. */
const activeKey = new Store<string | undefined>(undefined);

/** How much later than an instrument hears of the time at the latest something is wrong. */
const LATE_MS = 5_000;

/** A line, and all that it was drawn from. */
type DrawnLine = { readonly key: string; readonly said: readonly unknown[]; readonly line: JSX.Element };

export function OverviewPage(): JSX.Element {
  useListedRows();
  const second = useSeconds();
  const rows = useStore(marketRows);
  const arranged = useStore(arrangement);
  // Numbers change all the time, their order only with a new list: rows do not jump under a finger.
  const order = useMemo(
    () => (rows === undefined ? [] : arrangeRows(rows.byKey.values(), arranged).map(({ key }) => key)),
    [rows?.listNumber, arranged],
  );
  const exchanges = useMemo(
    () => [...new Set(Array.from(rows?.byKey.values() ?? [], ({ exchange }) => exchange))].sort(),
    [rows?.listNumber],
  );
  const liveCount = useMemo(
    () => [...(rows?.byKey.values() ?? [])].filter(isLive).length,
    [rows?.listNumber],
  );
  const drawn = useRef(new Map<string, DrawnLine>());
  const link = useStore(nodeLink.status);
  const active = useStore(activeKey);
  const { view, window } = useRowWindow(order.length, rowHeight());
  const inSight = order
    .slice(window.first, window.end)
    .map((key) => rows?.byKey.get(key))
    .filter((row) => row !== undefined);
  const published = useStore(publishing);
  useTickersInSight(inSight, published);
  const lateMs = (published?.quietMaxMs ?? Infinity) + LATE_MS;
  const lostReason = link.state === 'lost' ? link.reason : undefined;

  // A line that says the same as before is not drawn again: while somebody scrolls that is nearly all of them.
  const lines = inSight.map((row, index): DrawnLine => {
    const said = [row, window.first + index, row.key === active, lostReason, lateMs, second];
    const before = drawn.current.get(row.key);
    if (before !== undefined && said.every((each, at) => each === before.said[at])) return before;
    const line = (
      <MarketRowLine
        key={row.key}
        row={row}
        index={window.first + index}
        isActive={row.key === active}
        href={linkToRow(row)}
        lostReason={lostReason}
        lateMs={lateMs}
      />
    );
    return { key: row.key, said, line };
  });
  drawn.current = new Map(lines.map((line) => [line.key, line]));

  const move = (index: number): void => {
    const kept = Math.max(0, Math.min(order.length - 1, index));
    activeKey.set(order[kept]);
    const element = view.current!;
    const top = kept * rowHeight();
    if (top < element.scrollTop) element.scrollTop = top;
    // The head of the table lies over the first line of what is scrolled.
    const below = top + 2 * rowHeight() - element.clientHeight;
    if (below > element.scrollTop) element.scrollTop = below;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Keys may come faster than frames.
    const current = activeKey.get();
    const at = current === undefined ? -1 : order.indexOf(current);
    const page = Math.max(1, Math.floor(view.current!.clientHeight / rowHeight()) - 1);
    const target = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: order.length - 1,
    }[event.key];
    const row = current === undefined ? undefined : rows?.byKey.get(current);
    if (target !== undefined) move(target);
    else if (event.key === 'Enter' && row !== undefined) location.hash = linkToRow(row);
    else return;
    event.preventDefault();
  };

  return (
    <section class="overview" aria-label="Instruments">
      <OverviewFilters
        arrangement={arranged}
        onChange={(changed) => arrangement.set({ ...arrangement.get(), ...changed })}
        exchanges={exchanges}
        counts={{
          shown: order.length,
          total: rows?.byKey.size ?? 0,
          live: lostReason === undefined ? liveCount : 0,
        }}
      />
      <MissingNodes nodes={rows?.nodes} />
      <div
        class="market-grid"
        role="grid"
        aria-label="Instruments"
        aria-rowcount={order.length + 1}
        aria-activedescendant={active === undefined ? undefined : `row-${active}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onFocus={() => {
          if (active === undefined && order.length > 0) activeKey.set(order[0]);
        }}
      >
        <div class="market-view" ref={view}>
          <div class="market-line market-head" role="row">
            {COLUMNS.map(({ title, sort, name }) => (
              <span key={name} role="columnheader" class={`cell-${name}`} aria-sort={sortOf(arranged, sort)}>
                {sort === undefined ? (
                  title
                ) : (
                  <button type="button" onClick={() => arrangement.set(sortedBy(arrangement.get(), sort))}>
                    {title}
                  </button>
                )}
              </span>
            ))}
          </div>
          <div class="market-rows" style={{ height: `${order.length * rowHeight()}px` }}>
            {lines.map(({ line }) => line)}
          </div>
          {order.length === 0 && (
            <p class="nothing">{rows === undefined ? 'Asking the node…' : 'No instrument is like that.'}</p>
          )}
        </div>
      </div>
    </section>
  );
}

function linkToRow({ exchange, symbol }: MarketRow): string {
  return linkTo({ page: 'instrument', exchange, symbol });
}

/** The same column again turns the order round. */
function sortedBy(arranged: Arrangement, sort: SortColumn): Arrangement {
  const isSame = arranged.sort === sort;
  return {
    ...arranged,
    sort,
    isDescending: isSame ? !arranged.isDescending : sort !== 'instrument' && sort !== 'status',
  };
}

function sortOf(
  arranged: Arrangement,
  sort: SortColumn | undefined,
): 'ascending' | 'descending' | 'none' | undefined {
  if (sort === undefined) return undefined;
  if (arranged.sort !== sort) return 'none';
  return arranged.isDescending ? 'descending' : 'ascending';
}
