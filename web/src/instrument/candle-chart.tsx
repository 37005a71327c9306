/** Candles and their volumes, drawn by lightweight-charts; the texts beside them are those of the node. */
import type { IChartApi, ISeriesApi, MouseEventParams, UTCTimestamp } from 'lightweight-charts';
import {
  CandlestickSeries,
  ColorType,
  CrosshairMode,
  HistogramSeries,
  createChart,
} from 'lightweight-charts';
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Candle } from 'tampines/client';
import { Exact } from '../parts/exact.tsx';
import { useStore } from '../state/store.ts';
import { chartNumber, gridText } from '../text/chart-number.ts';
import { cutDecimals, signOf, subtractDecimals } from '../text/decimal-text.ts';
import { dateTimeText } from '../text/time-text.ts';
import { paletteNumber, readPalette, translucent } from '../theme.ts';
import type { CandleSource } from './candle-feed.ts';
import { followCandles } from './candle-feed.ts';
import type { CandleHistory } from './candle-history.ts';

type Drawn = {
  readonly chart: IChartApi;
  readonly candles: ISeriesApi<'Candlestick'>;
  readonly volumes: ISeriesApi<'Histogram'>;
};

export function CandleChart(props: {
  readonly source: CandleSource;
  readonly intervals: readonly string[];
  readonly onInterval: (interval: string) => void;
  readonly priceDecimals: number;
}): JSX.Element {
  const { source, intervals, onInterval, priceDecimals } = props;
  const place = useRef<HTMLDivElement>(null);
  const [newest, setNewest] = useState<Candle>();
  const [pointed, setPointed] = useState<Candle>();
  const [nothing, setNothing] = useState('');
  useChart({ place, source, priceDecimals, setNewest, setPointed, setNothing });
  return (
    <section class="panel candle-panel" aria-label="Candles">
      <header>
        <h2>Candles</h2>
        <span class="choices" role="group" aria-label="Interval">
          {intervals.map((interval) => (
            <button
              key={interval}
              type="button"
              aria-pressed={interval === source.interval}
              onClick={() => onInterval(interval)}
            >
              {interval}
            </button>
          ))}
        </span>
      </header>
      <CandleText candle={pointed ?? newest} nothing={nothing} priceDecimals={priceDecimals} />
      <div class="candle-chart figures" ref={place} role="img" aria-label={`Candles of ${source.interval}`} />
    </section>
  );
}

function CandleText(props: {
  readonly candle: Candle | undefined;
  /** What is said where there is none. */
  readonly nothing: string;
  readonly priceDecimals: number;
}): JSX.Element {
  const { candle, nothing, priceDecimals } = props;
  if (candle === undefined) return <p class="candle-text">{nothing}</p>;
  const { open, close } = candle;
  const change = open === null || close === null ? 'same' : signOf(subtractDecimals(close, open));
  return (
    <p class="candle-text" aria-live="off">
      <time>{dateTimeText(candle.openTimeMs)}</time>
      {(['open', 'high', 'low', 'close'] as const).map((name) => (
        <span key={name} class={`sign-text-${change}`}>
          <abbr title={name}>{name[0]!.toUpperCase()}</abbr>{' '}
          <Exact text={candle[name]} decimals={priceDecimals} />
        </span>
      ))}
      <span>
        <abbr title="volume">V</abbr> <Exact text={cutDecimals(candle.volume, 4)} />
      </span>
      {!candle.isClosed && <em>open</em>}
    </p>
  );
}

function useChart(of: {
  readonly place: RefObject<HTMLDivElement | null>;
  readonly source: CandleSource;
  readonly priceDecimals: number;
  readonly setNewest: (candle: Candle | undefined) => void;
  readonly setPointed: (candle: Candle | undefined) => void;
  readonly setNothing: (text: string) => void;
}): void {
  const { place, source, priceDecimals, setNewest, setPointed, setNothing } = of;
  const drawn = useRef<Drawn>(undefined);
  const palette = useStore(paletteNumber);
  const { exchange, symbol, channelName, interval } = source;

  useEffect(() => {
    const made = draw(place.current!);
    drawn.current = made;
    let followed: CandleHistory | undefined;
    const point = ({ time }: MouseEventParams): void =>
      setPointed(time === undefined ? undefined : followed?.at((time as number) * 1_000));
    made.chart.subscribeCrosshairMove(point);
    const stop = followCandles(
      { exchange, symbol, channelName, interval },
      {
        onHistory: (history) => {
          const isFirst = followed === undefined;
          followed = history;
          const list = history.list();
          made.candles.setData(list.map(toBar));
          made.volumes.setData(list.map(toVolume));
          if (isFirst) showNewest(made.chart, list.length);
          setNewest(history.newest);
          setNothing('No candles yet');
        },
        onFailure: (reason) => setNothing(`Candles can’t be read: ${reason}`),
        onCandle: (candle, history) => {
          const isOlder = candle.openTimeMs < history.newest!.openTimeMs;
          made.candles.update(toBar(candle), isOlder);
          made.volumes.update(toVolume(candle), isOlder);
          setNewest(history.newest);
        },
      },
    );
    return () => {
      stop();
      setNewest(undefined);
      setPointed(undefined);
      made.chart.remove();
    };
  }, [exchange, symbol, channelName, interval]);

  useEffect(() => {
    if (drawn.current !== undefined) paint(drawn.current, interval);
  }, [palette, exchange, symbol, channelName, interval]);

  useEffect(() => {
    drawn.current?.candles.applyOptions({
      priceFormat: {
        type: 'custom',
        minMove: chartNumber(`0.${'0'.repeat(Math.max(0, priceDecimals - 1))}1`),
        formatter: (place: number) => gridText(place, priceDecimals),
      },
    });
  }, [priceDecimals, exchange, symbol, channelName, interval]);
}

function draw(place: HTMLDivElement): Drawn {
  const chart = createChart(place, {
    autoSize: true,
    // It would put a style into the page, which the policy of the page forbids; the footer names the library instead.
    layout: { attributionLogo: false },
    crosshair: { mode: CrosshairMode.Normal },
    rightPriceScale: { borderVisible: false },
  });
  const candles = chart.addSeries(CandlestickSeries, { borderVisible: false });
  candles.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.24 } });
  const volumes = chart.addSeries(HistogramSeries, {
    priceScaleId: '',
    lastValueVisible: false,
    priceLineVisible: false,
  });
  volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  return { chart, candles, volumes };
}

/** Few candles are not drawn as wide as the whole chart, and of many the newest are shown. */
function showNewest(chart: IChartApi, count: number): void {
  const shown = Math.min(120, Math.max(50, count));
  chart.timeScale().setVisibleLogicalRange({ from: count - shown, to: count + 4 });
}

function paint({ chart, candles, volumes }: Drawn, interval: string): void {
  const { text, muted, line, bid, ask, panel } = readPalette();
  chart.applyOptions({
    layout: {
      background: { type: ColorType.Solid, color: panel },
      textColor: muted,
      fontFamily: getComputedStyle(document.documentElement).fontFamily,
      fontSize: 11,
    },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    crosshair: {
      vertLine: { color: muted, labelBackgroundColor: text },
      horzLine: { color: muted, labelBackgroundColor: text },
    },
    timeScale: { borderVisible: false, timeVisible: true, secondsVisible: interval.endsWith('s') },
  });
  candles.applyOptions({ upColor: bid, downColor: ask, wickUpColor: bid, wickDownColor: ask });
  volumes.applyOptions({ color: translucent(muted, 0.35) });
}

function toTime(candle: Candle): UTCTimestamp {
  return (candle.openTimeMs / 1_000) as UTCTimestamp;
}

/** Before the first trade there is a time without a candle. */
function toBar(candle: Candle) {
  const { open, high, low, close } = candle;
  const time = toTime(candle);
  if (open === null || high === null || low === null || close === null) return { time };
  return {
    time,
    open: chartNumber(open),
    high: chartNumber(high),
    low: chartNumber(low),
    close: chartNumber(close),
  };
}

function toVolume(candle: Candle) {
  return { time: toTime(candle), value: chartNumber(candle.volume) };
}
