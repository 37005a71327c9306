import { describe, expect, it } from 'vitest';
import { adapters, findAdapterForUrl } from '../../src/exchanges/registry.ts';

describe('the registry of adapters', () => {
  it.each([
    ['wss://stream.binance.com:9443/stream?streams=a@trade', 'binance', 'v3'],
    ['wss://data-stream.binance.vision/ws/a@trade', 'binance', 'v3'],
    ['wss://fstream.binance.com/stream?streams=a@trade', 'binance-usdm', 'v1'],
    ['wss://fstream.binance.com/public/stream', 'binance-usdm', 'v1'],
    ['wss://stream.crypto.com/exchange/v1/market', 'cryptocom', 'v1'],
    ['wss://stream.crypto.com/v2/market', 'cryptocom', '2021'],
    ['wss://ws.kraken.com/v2', 'kraken', 'v2'],
    ['wss://ws.kraken.com', 'kraken', 'v1'],
    ['wss://stream.bybit.com/v5/public/linear', 'bybit-linear', 'v5'],
    ['wss://stream.bybit.com/v5/public/spot', 'bybit-spot', 'v5'],
    ['wss://ws-feed.pro.coinbase.com', 'coinbase-exchange', undefined],
    ['wss://advanced-trade-ws.coinbase.com', 'coinbase', undefined],
    ['wss://ws.okex.com:8443/ws/v5/public', 'okx', 'v5'],
  ])('reads recordings of %s as %s', (url, exchange, protocol) => {
    const adapter = findAdapterForUrl(url);
    expect(adapter?.exchange).toBe(exchange);
    if (protocol !== undefined) expect(adapter?.protocol).toBe(protocol);
  });

  it.each(['wss://example.com/ws', 'not an address', 'wss://stream.binance.com.example.com/ws'])(
    'knows nothing of %s',
    (url) => {
      expect(findAdapterForUrl(url)).toBeUndefined();
    },
  );

  it('tells the two proofs of OKX books apart by their checksums', () => {
    const url = 'wss://ws.okx.com:8443/ws/v5/public';
    expect(findAdapterForUrl(url, ['{"data":[{"checksum":0,"seqId":5}]}'])?.protocol).toBe('v5');
    expect(
      findAdapterForUrl(url, ['{"event":"subscribe"}', '{"data":[{"checksum":-855196043}]}'])?.protocol,
    ).toBe('v5-checksum');
  });

  it.each([...adapters])(
    '%s carries books and trades, keeps alive in time and names its limits',
    (_name, adapter) => {
      expect(adapter.connectionKinds.flatMap((kind) => kind.channels).sort()).toEqual(['book', 'trades']);
      expect(adapter.deadAfterMs).toBeGreaterThan(adapter.clientPing?.everyMs ?? 0);
      expect(adapter.limits.symbolsPerSubscribeFrame).toBeGreaterThan(0);
      expect(adapter.limits.framesPerConnection.count).toBeGreaterThan(0);
    },
  );
});
