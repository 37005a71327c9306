/** Follows the candles of one interval: a page of history from the REST, then what the stream tells, and the page again whenever something may be missing. */
import type { Candle } from 'tampines/client';
import { nodeLink, onReturn } from '../node/node-link.ts';
import { instrumentPath, readJson } from '../node/rest.ts';
import type { CandlesAnswer } from '../node/rest-documents.ts';
import { followChannel } from '../node/use-channel.ts';
import { CandleHistory } from './candle-history.ts';

export type CandleSource = {
  readonly exchange: string;
  readonly symbol: string;
  /** In the names of channels. */
  readonly channelName: string;
  readonly interval: string;
};

export type CandleListener = {
  /** Everything, from now on. */
  readonly onHistory: (history: CandleHistory) => void;
  /** One of it changed, or is new. */
  readonly onCandle: (candle: Candle, history: CandleHistory) => void;
  /** The history could not be read; it is tried again until `onHistory`. */
  readonly onFailure: (reason: string) => void;
};

const HISTORY_CANDLES = 500;
const TRY_AGAIN_MS = 1_500;

/** Returns what ends it. */
export function followCandles(source: CandleSource, listener: CandleListener): () => void {
  const end = new AbortController();
  const history = new CandleHistory();
  let isRead = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async (): Promise<void> => {
    clearTimeout(timer);
    const path = `${instrumentPath(source.exchange, source.symbol)}/candles`;
    try {
      const query = `interval=${source.interval}&limit=${HISTORY_CANDLES}`;
      const { candles } = await readJson<CandlesAnswer>(`${path}?${query}`, end.signal);
      for (const candle of candles) history.take(candle);
      isRead = true;
      listener.onHistory(history);
    } catch (error) {
      if (end.signal.aborted) return;
      nodeLink.noteFailure(error);
      listener.onFailure(error instanceof Error ? error.message : String(error));
      timer = setTimeout(() => void read(), TRY_AGAIN_MS);
    }
  };
  const take = (candle: Candle): void => {
    // What comes before the history is in it.
    if (history.take(candle) && isRead) listener.onCandle(candle, history);
  };
  const channel = `candle:${source.channelName}:${source.interval}` as const;
  const stops = [
    followChannel(channel, { onDocument: take }),
    followChannel(`${channel}:closed`, {
      onDocument: (candle, { continuity }) => {
        take(candle);
        if (continuity === 'skipped') void read();
      },
    }),
    // Candles that closed while the node was away are told by nobody.
    onReturn(() => void read()),
  ];
  void read();
  return () => {
    end.abort();
    clearTimeout(timer);
    for (const stop of stops) stop();
  };
}
