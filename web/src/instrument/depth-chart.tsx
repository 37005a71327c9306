/** How much can be had up to which price, drawn by uPlot. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { Exact } from '../parts/exact.tsx';
import type { Trust } from '../parts/trust.ts';
import { TrustBar } from '../parts/trust-mark.tsx';
import { useStore } from '../state/store.ts';
import { chartNumber, gridText } from '../text/chart-number.ts';
import { paletteNumber, readPalette, translucent } from '../theme.ts';
import type { DepthLevel } from './depth-levels.ts';

/** As the style sheet has it. */
const HEIGHT = 190;

export function DepthChart(props: {
  readonly bids: readonly DepthLevel[];
  readonly asks: readonly DepthLevel[];
  readonly priceDecimals: number;
  readonly trust: Trust;
}): JSX.Element {
  const { bids, asks, priceDecimals, trust } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const palette = useStore(paletteNumber);

  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(optionsOf(element.clientWidth, priceDecimals), toPlot(bids, asks), element);
    plot.current = made;
    const sizes = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.current = undefined;
      made.destroy();
    };
  }, [palette, priceDecimals]);
  useEffect(() => plot.current?.setData(toPlot(bids, asks)), [bids, asks]);

  return (
    <section class="panel depth-panel" aria-label="Depth">
      <header>
        <h2>Depth</h2>
        <span class="depth-totals">
          <span class="side-bid">
            bids <Exact text={bids.at(-1)?.total} />
          </span>
          <span class="side-ask">
            asks <Exact text={asks.at(-1)?.total} />
          </span>
        </span>
      </header>
      <TrustBar trust={trust} />
      <div
        class={`depth-chart figures of-${trust.level}`}
        ref={place}
        role="img"
        aria-label="Depth of the book"
      />
    </section>
  );
}

/** Prices from low to high; where one side has nothing the other draws nothing. */
function toPlot(bids: readonly DepthLevel[], asks: readonly DepthLevel[]): uPlot.AlignedData {
  const low = bids.toReversed();
  const nothing = (levels: readonly DepthLevel[]): null[] => levels.map(() => null);
  return [
    [...low, ...asks].map(({ price }) => chartNumber(price)),
    [...low.map(({ total }) => chartNumber(total)), ...nothing(asks)],
    [...nothing(low), ...asks.map(({ total }) => chartNumber(total))],
  ];
}

function optionsOf(width: number, priceDecimals: number): uPlot.Options {
  const { muted, line, bid, ask } = readPalette();
  const font = `11px ${getComputedStyle(document.documentElement).fontFamily}`;
  const axis = {
    stroke: muted,
    font,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  };
  // Up to a bid all better bids can be had, so its step lies below its price; that of an ask above.
  const side = (color: string, align: 1 | -1): uPlot.Series => ({
    stroke: color,
    width: 1.5,
    fill: translucent(color, 0.14),
    paths: uPlot.paths.stepped!({ align }),
    points: { show: false },
  });
  return {
    width,
    height: HEIGHT,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: { x: { time: false }, y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.05 : 1] } },
    axes: [
      {
        ...axis,
        size: 26,
        space: 90,
        values: (_plot, places) => places.map((place) => gridText(place, priceDecimals)),
      },
      { ...axis, size: 56 },
    ],
    series: [{}, side(bid, -1), side(ask, 1)],
  };
}
