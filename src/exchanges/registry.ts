/** Every adapter by its name, and the adapter that reads a recording. A new exchange is its own file and its lines here. */
import type { ExchangeAdapter } from './adapter.ts';
import { binanceSpotAdapter } from './binance-spot.ts';
import { binanceUsdmAdapter } from './binance-usdm.ts';
import { bybitLinearAdapter, bybitSpotAdapter } from './bybit.ts';
import { coinbaseAdvancedAdapter } from './coinbase-advanced.ts';
import { coinbaseExchangeAdapter } from './coinbase-exchange.ts';
import { cryptocom2021Adapter } from './cryptocom-2021.ts';
import { cryptocomAdapter } from './cryptocom.ts';
import { krakenV1Adapter } from './kraken-v1.ts';
import { krakenAdapter } from './kraken.ts';
import { okxAdapter, okxChecksumAdapter } from './okx.ts';

/** Adapters by name; a name with a suffix is a wire form that only recordings still have. */
export const adapters: ReadonlyMap<string, ExchangeAdapter> = new Map([
  ['binance', binanceSpotAdapter],
  ['binance-usdm', binanceUsdmAdapter],
  ['bybit-linear', bybitLinearAdapter],
  ['bybit-spot', bybitSpotAdapter],
  ['coinbase', coinbaseAdvancedAdapter],
  ['coinbase-exchange', coinbaseExchangeAdapter],
  ['cryptocom', cryptocomAdapter],
  ['cryptocom-2021', cryptocom2021Adapter],
  ['kraken', krakenAdapter],
  ['kraken-v1', krakenV1Adapter],
  ['okx', okxAdapter],
  ['okx-checksum', okxChecksumAdapter],
]);

/** Addresses that a recording may have been made from, and what reads it; the first that fits holds. */
const ADDRESSES: readonly {
  readonly host: RegExp;
  readonly path: RegExp;
  readonly adapter: ExchangeAdapter;
}[] = [
  { host: /^(stream|data-stream)\.binance\.(com|vision)$/, path: /^/, adapter: binanceSpotAdapter },
  { host: /^fstream\.binance\.com$/, path: /^/, adapter: binanceUsdmAdapter },
  { host: /^stream\.bybit\.com$/, path: /\/linear$/, adapter: bybitLinearAdapter },
  { host: /^stream\.bybit\.com$/, path: /\/spot$/, adapter: bybitSpotAdapter },
  { host: /^advanced-trade-ws\.coinbase\.com$/, path: /^/, adapter: coinbaseAdvancedAdapter },
  {
    host: /^ws-feed\.(pro|exchange|public\.sandbox\.exchange)\.coinbase\.com$/,
    path: /^/,
    adapter: coinbaseExchangeAdapter,
  },
  {
    host: /^(stream\.crypto\.com|uat-stream\.3ona\.co)$/,
    path: /^\/exchange\/v1\//,
    adapter: cryptocomAdapter,
  },
  { host: /^stream\.crypto\.com$/, path: /^\/v2\//, adapter: cryptocom2021Adapter },
  { host: /^(beta-)?ws\.kraken\.com$/, path: /^\/v2$/, adapter: krakenAdapter },
  { host: /^ws\.kraken\.com$/, path: /^\/?$/, adapter: krakenV1Adapter },
  { host: /^ws(us|eea)?\.ok(e)?x\.com$/, path: /^/, adapter: okxAdapter },
];

/**
 * Returns the adapter that reads frames of the address; `undefined` when none does. `firstFrames` (as many as hold a book) decide where one address
 * has had two wire forms: OKX proves its books by a sequence, and proved them by a checksum until 2026.
 */
export function findAdapterForUrl(
  url: string,
  firstFrames: readonly string[] = [],
): ExchangeAdapter | undefined {
  if (!URL.canParse(url)) return undefined;
  const address = new URL(url);
  const found = ADDRESSES.find(
    ({ host, path }) => host.test(address.hostname) && path.test(address.pathname),
  );
  if (found?.adapter === okxAdapter && firstFrames.some((frame) => CHECKSUM_WITHOUT_SEQUENCE.test(frame))) {
    return okxChecksumAdapter;
  }
  return found?.adapter;
}

/** A live checksum in a book frame; today's frames carry the dead `"checksum":0`. */
const CHECKSUM_WITHOUT_SEQUENCE = /"checksum":\s*-?[1-9]/;
