/** How past trades are asked for and read: answers are those of the exchanges' documentation, identities must be those of the stream. */
import { describe, expect, it } from 'vitest';
import type { TradeHistory, TradePageReading } from '../../src/exchanges/adapter.ts';
import { adapters } from '../../src/exchanges/registry.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { formatUnits } from '../../src/market/units.ts';

const RECEIVED_MS = 1_790_000_000_000;

function historyOf(name: string): TradeHistory {
  const history = adapters.get(name)!.tradeHistory;
  if (history.identity === 'none') throw new Error(`${name} has no past trades`);
  return history;
}

function ask(name: string, symbol: string, tradeId: string, eventTimeMs: number, cursor?: string): string {
  const missing = { after: { tradeId, eventTimeMs }, cursor };
  return historyOf(name).request({ ws: 'ws://x', rest: 'http://x' }, toNativeSymbol(symbol), missing).url;
}

function read(name: string, body: string, after = { tradeId: '1', eventTimeMs: 1 }, cursor?: string) {
  return historyOf(name).read(body, toNativeSymbol('BTC'), RECEIVED_MS, { after, cursor });
}

function tell(reading: TradePageReading) {
  if (!reading.ok) return reading.reason;
  const { trades, next, reachesBack } = reading.page;
  return {
    trades: trades.map(
      ({ tradeId, eventTimeMs, price, quantity, scales, takerSide, isHistory }) =>
        `${tradeId} at ${eventTimeMs}: ${takerSide} ${formatUnits(quantity, scales.quantity)} for ${formatUnits(price, scales.price)}${isHistory ? '' : ' live'}`,
    ),
    next,
    reachesBack,
  };
}

describe('past trades of Binance', () => {
  it('are asked for from the next id on', () => {
    expect(ask('binance', 'BTCUSDT', '28456', 1)).toBe(
      'http://x/api/v3/historicalTrades?symbol=BTCUSDT&fromId=28457&limit=1000',
    );
    expect(ask('binance-usdm', 'BTCUSDT', '26128', 1)).toBe(
      'http://x/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=26129&limit=1000',
    );
    const { requests } = adapters.get('binance')!.limits;
    expect(requests.weightOf({ url: ask('binance', 'BTCUSDT', '1', 1) })).toBe(25);
  });

  it('are read as the stream names them, and a full page has a next one', () => {
    const fill =
      '{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}';
    expect(tell(read('binance', `[${fill}]`))).toEqual({
      trades: ['28457 at 1499865549590: sell 12 for 4.000001'],
      next: undefined,
      reachesBack: true,
    });
    const full = `[${Array.from({ length: 1000 }, () => fill).join()}]`;
    expect(tell(read('binance', full))).toMatchObject({ next: '28457' });
    const merged =
      '[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":false}]';
    expect(tell(read('binance-usdm', merged))).toMatchObject({
      trades: ['26129 at 1498793709153: buy 4.70443515 for 0.01633102'],
    });
  });
});

describe('past trades of Kraken', () => {
  it('are asked for from a nanosecond before the newest one on, under the old names', () => {
    expect(ask('kraken', 'BTC/USD', '1', 1_762_795_433_971)).toBe(
      'http://x/Trades?pair=XBTUSD&since=1762795433970999999&count=1000',
    );
    expect(ask('kraken', 'ETH/DOGE', '1', 1, '7')).toBe('http://x/Trades?pair=ETHXDG&since=7&count=1000');
  });

  it('are read from their text', () => {
    const body =
      '{"error":[],"result":{"XBTUSDT":[["105433.60000","0.00027625",1762795433.9717445,"b","l","",10218208]],"last":"1762795433971744500"}}';
    expect(tell(read('kraken', body))).toEqual({
      trades: ['10218208 at 1762795433971: buy 0.00027625 for 105433.6'],
      next: undefined,
      reachesBack: true,
    });
    expect(tell(read('kraken', '{"error":["EGeneral:Too many requests"]}'))).toBe(
      'refused: EGeneral:Too many requests',
    );
  });
});

describe('past trades of Coinbase Exchange', () => {
  it('are asked for as the page that ends a thousand ids above the newest one', () => {
    expect(ask('coinbase-exchange', 'BTC-USD', '216543', 1)).toBe(
      'http://x/products/BTC-USD/trades?limit=1000&after=217544',
    );
  });

  it('name the maker, come newest first, and go on where they reach the end of the page', () => {
    const match = (id: number) =>
      `{"trade_id":${id},"side":"buy","size":"0.97133855","price":"4.978","time":"2026-08-01T00:00:03.816000Z"}`;
    const after = { tradeId: '216542', eventTimeMs: 1 };
    const body = `[${match(216544)},${match(216543)}]`;
    expect(tell(read('coinbase-exchange', body, after))).toEqual({
      trades: [
        '216543 at 1785542403816: sell 0.97133855 for 4.978',
        '216544 at 1785542403816: sell 0.97133855 for 4.978',
      ],
      next: undefined,
      reachesBack: true,
    });
    expect(tell(read('coinbase-exchange', `[${match(217542)}]`, after))).toMatchObject({ next: '217542' });
  });
});

describe('past trades of Crypto.com', () => {
  const fill = (m: string, t = 1_613_581_138_462) =>
    `{"d":"2030407068","t":${t},"tn":${t}000000,"p":"51327.50","q":"0.0001","s":"SELL","i":"BTCUSD-PERP","m":"${m}"}`;
  const body = (...fills: string[]) =>
    `{"id":-1,"method":"public/get-trades","code":0,"result":{"data":[${fills.join()}]}}`;

  it('are asked for between two times in nanoseconds', () => {
    expect(ask('cryptocom', 'BTC_USDT', 'x', 1_613_581_138_462)).toBe(
      'http://x/public/get-trades?instrument_name=BTC_USDT&count=150&start_ts=1613581138462000000',
    );
    expect(ask('cryptocom', 'BTC_USDT', 'x', 1_613_581_138_462, '1613581138500')).toContain(
      '&end_ts=1613581138500000000',
    );
  });

  it('come newest first, and the pages before overlap by one millisecond', () => {
    expect(tell(read('cryptocom', body(fill('2'), fill('1'))))).toEqual({
      trades: [
        '2030407068-1 at 1613581138462: sell 0.0001 for 51327.5',
        '2030407068-2 at 1613581138462: sell 0.0001 for 51327.5',
      ],
      next: undefined,
      reachesBack: true,
    });
    const full = body(...Array.from({ length: 150 }, (_, index) => fill(String(index))));
    expect(tell(read('cryptocom', full))).toMatchObject({ next: '1613581138463', reachesBack: false });
    expect(tell(read('cryptocom', full, undefined, '1613581138463'))).toMatchObject({
      next: undefined,
      reachesBack: false,
    });
  });
});

describe('past trades of Bybit', () => {
  const body =
    '{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"execId":"2290000000068683805","symbol":"BTCUSDT","price":"118000.1","size":"0.005","side":"Buy","time":"1785088800398","isBlockTrade":false,"isRPITrade":false,"seq":"9123457000"}]},"retExtInfo":{},"time":1785088800450}';

  it('are the newest only, as many as the category gives', () => {
    expect(ask('bybit-spot', 'BTCUSDT', 'x', 1)).toBe(
      'http://x/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=60',
    );
    expect(ask('bybit-linear', 'BTCUSDT', 'x', 1)).toContain('&limit=1000');
  });

  it('reach back when they hold the newest one or an older', () => {
    const at = (tradeId: string, eventTimeMs: number) => read('bybit-spot', body, { tradeId, eventTimeMs });
    expect(tell(at('2290000000068683805', 1_785_088_800_398))).toEqual({
      trades: ['2290000000068683805 at 1785088800398: buy 0.005 for 118000.1'],
      next: undefined,
      reachesBack: true,
    });
    expect(tell(at('other', 1_785_088_800_399))).toMatchObject({ reachesBack: true });
    expect(tell(at('other', 1_785_088_800_398))).toMatchObject({ reachesBack: false });
    expect(tell(read('bybit-spot', '{"retCode":10001,"retMsg":"Not supported symbols","result":{}}'))).toBe(
      'refused: Not supported symbols',
    );
  });
});

describe('past trades of any exchange', () => {
  it('are refused in words, whatever comes in their place', () => {
    for (const [name, { tradeHistory }] of adapters) {
      if (tradeHistory.identity === 'none') {
        expect(tradeHistory.reason).not.toBe('');
        continue;
      }
      for (const body of [
        '',
        'null',
        '[]x',
        '7',
        '{"result":{}}',
        '[{}]',
        '{"error":[{}]}',
        '{"retCode":0}',
      ]) {
        const reading = read(name, body);
        expect(reading.ok, `${name}: ${body}`).toBe(false);
      }
    }
  });
});
