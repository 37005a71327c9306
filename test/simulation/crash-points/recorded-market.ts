/** The recording that crash points are tried on: the first seconds of two Kraken symbols, with checksums, trades and closing candles. */
import { krakenAdapter } from '../../../src/exchanges/kraken.ts';
import { readRecording } from '../../../src/feeds/recording.ts';
import { toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../../src/market/symbols.ts';
import { ownKraken } from '../../support/own-recordings.ts';
import type { RecordedFrame } from './recorded-feed.ts';
import type { RecordedInstrument } from './recorded-node.ts';

const FRAMES = 110;

export type RecordedMarket = {
  readonly frames: readonly RecordedFrame[];
  readonly instruments: readonly RecordedInstrument[];
};

export async function readMarket(): Promise<RecordedMarket> {
  const frames: RecordedFrame[] = [];
  for await (const lines of readRecording(ownKraken.path)) {
    for (const line of lines) {
      if (line.dir === 'in' && frames.length < FRAMES) {
        frames.push({ text: String(line.data), receiveTimeMs: Math.floor(line.t) });
      }
    }
  }
  return { frames, instruments: [instrumentOf('BTC', 'USD'), instrumentOf('ADA', 'EUR')] };
}

function instrumentOf(base: string, quote: string): RecordedInstrument {
  const symbol = toUnifiedSymbol(`${base}-${quote}`);
  return {
    nativeSymbol: toNativeSymbol(`${base}/${quote}`),
    symbol,
    instrument: toInstrumentKey(krakenAdapter.exchange, symbol),
  };
}
