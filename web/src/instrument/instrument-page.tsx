/** One instrument: its book, depth, candles, trades, and how its feed does. */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { linkTo } from '../navigation.ts';
import { nodeLink } from '../node/node-link.ts';
import type { Publishing } from '../node/publishing.ts';
import { channelName, publishing } from '../node/publishing.ts';
import { instrumentPath } from '../node/rest.ts';
import type { InstrumentDetail } from '../node/rest-documents.ts';
import { useAnswer } from '../node/use-answer.ts';
import { useChannel } from '../node/use-channel.ts';
import { InstrumentOperations } from '../parts/instrument-operations.tsx';
import { judge } from '../parts/trust.ts';
import { useStore } from '../state/store.ts';
import { decimalsOf } from '../text/decimal-text.ts';
import { BookLadder } from './book-ladder.tsx';
import { CandleChart } from './candle-chart.tsx';
import { DepthChart } from './depth-chart.tsx';
import { depthOf } from './depth-levels.ts';
import { FeedHealth } from './feed-health.tsx';
import { RecentTrades } from './recent-trades.tsx';
import { TickerStrip } from './ticker-strip.tsx';

const DETAIL_EVERY_MS = 2_000;

type Named = { readonly exchange: string; readonly symbol: string };

export function InstrumentPage({ exchange, symbol }: Named): JSX.Element {
  const detail = useAnswer<InstrumentDetail>(instrumentPath(exchange, symbol), DETAIL_EVERY_MS);
  const published = useStore(publishing);
  if (detail.answer === undefined || published === undefined) {
    return (
      <section class="panel absent">
        <h1>
          {symbol} <em>{exchange}</em>
        </h1>
        <p class={detail.failure === undefined ? 'unknown' : 'is-ill'}>
          {detail.failure ?? 'Asking the node…'}
        </p>
        <a href={linkTo({ page: 'instruments' })}>All instruments</a>
      </section>
    );
  }
  return <Instrument detail={detail.answer} failure={detail.failure} published={published} />;
}

function Instrument(props: {
  readonly detail: InstrumentDetail;
  readonly failure: string | undefined;
  readonly published: Publishing;
}): JSX.Element {
  const { detail, failure, published } = props;
  const { exchange, symbol, actorStatus, version } = detail;
  const { bookResolutions, candleIntervals } = published;
  const name = channelName(published, detail);
  const [resolution, setResolution] = useState(bookResolutions[0]!);
  const [interval, setInterval] = useState(candleIntervals.includes('1m') ? '1m' : candleIntervals[0]!);
  const book = useChannel(`orderbook:${name}:${resolution}`);
  const ticker = useChannel(`ticker:${name}`);
  const link = useStore(nodeLink.status);
  const trust = judge({
    lostReason: link.state === 'lost' ? link.reason : undefined,
    actorStatus,
    status: book.document?.status,
    reason: detail.whyParked ?? book.document?.reason ?? '',
    doubt: book.doubt ?? failure,
  });
  const priceDecimals = decimalsOf(detail.state?.tickSize);
  const quantityDecimals = Math.min(decimalsOf(detail.state?.lotSize), 8);
  const bids = useMemo(() => depthOf(book.document?.bids ?? []), [book.document]);
  const asks = useMemo(() => depthOf(book.document?.asks ?? []), [book.document]);
  const heardMs = Math.max(ticker.document?.receiveTimeMs ?? 0, book.document?.receiveTimeMs ?? 0);
  const sides = { bids, asks, trust, priceDecimals };
  return (
    <article class="instrument">
      <TickerStrip
        exchange={exchange}
        symbol={symbol}
        ticker={ticker.document}
        heardMs={heardMs === 0 ? undefined : heardMs}
        trust={trust}
        priceDecimals={priceDecimals}
        operations={<InstrumentOperations {...{ exchange, symbol, actorStatus, version }} />}
      />
      <div class="instrument-panels">
        <CandleChart
          source={{ exchange, symbol, channelName: name, interval }}
          intervals={candleIntervals}
          onInterval={setInterval}
          priceDecimals={priceDecimals}
        />
        <BookLadder
          {...sides}
          quantityDecimals={quantityDecimals}
          resolution={resolution}
          resolutions={bookResolutions}
          onResolution={setResolution}
        />
        <RecentTrades {...{ exchange, symbol, channelName: name, priceDecimals, quantityDecimals }} />
        <DepthChart {...sides} />
        <FeedHealth exchange={exchange} symbol={symbol} detail={detail} />
      </div>
    </article>
  );
}
