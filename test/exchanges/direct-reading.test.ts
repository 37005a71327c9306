/**
 * Updates that are read straight from their text mean exactly what the parser finds in them, whole or damaged: the same frame with a blank in front
 * is no longer written as the exchange writes it, and is parsed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import type { ExchangeAdapter, FeedMessage } from '../../src/exchanges/adapter.ts';
import { binanceSpotAdapter } from '../../src/exchanges/binance-spot.ts';
import { binanceUsdmAdapter } from '../../src/exchanges/binance-usdm.ts';
import { bybitLinearAdapter } from '../../src/exchanges/bybit.ts';
import { coinbaseAdvancedAdapter } from '../../src/exchanges/coinbase-advanced.ts';
import { coinbaseExchangeAdapter } from '../../src/exchanges/coinbase-exchange.ts';
import { krakenAdapter } from '../../src/exchanges/kraken.ts';
import { krakenV1Adapter } from '../../src/exchanges/kraken-v1.ts';
import { okxAdapter, okxChecksumAdapter } from '../../src/exchanges/okx.ts';
import { excerpt } from '../../src/exchanges/wire-json.ts';
import { readRecordingLines, sharedDataPath } from '../support/recordings.ts';

const MUTATIONS = Number.parseInt(process.env['FUZZ_MUTATIONS'] ?? '2000', 10);
const SEED = Number.parseInt(process.env['FUZZ_SEED'] ?? '20261128', 10);
const NOW_MS = 1_790_000_000_000;
const FRAMES_MAX = 400;
const FRAME_MAX_CHARACTERS = 2_000;

const CASES: readonly {
  readonly name: string;
  readonly adapter: ExchangeAdapter;
  readonly session: string;
  /** Its trades are read so too. */
  readonly readsTrades?: boolean;
  /** Of today's form of OKX there is none. */
  readonly recording?: string;
  /** Forms that the session lacks; the first of each symbol teaches its scales. */
  readonly frames: readonly string[];
}[] = [
  {
    name: 'binance',
    adapter: binanceSpotAdapter,
    session: 'binance/spot-session.jsonl',
    readsTrades: true,
    recording: 'binance-spot-20240808-btcusdt',
    frames: [
      '{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}',
      '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782135,"m":true,"M":true}',
      '{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782137,"s":"BNBBTC","t":12346,"p":"0.00100000","q":"0.50","T":1672515782136,"m":false,"M":true}}',
      '{"e":"aggTrade","E":1672515782136,"s":"LTCBTC","a":5933014,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}',
      '{"e":"depthUpdate","E":1672515782137,"s":"BNBBTC","U":161,"u":163,"b":[["0.0023","0"],["0.0022","7.5"]],"a":[]}',
    ],
  },
  {
    name: 'binance-usdm',
    adapter: binanceUsdmAdapter,
    session: 'binance/usdm-session.jsonl',
    readsTrades: true,
    recording: 'binance-usdm-20240808-btcusdt',
    frames: [
      '{"e":"depthUpdate","E":123456789,"T":123456788,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}',
      '{"e":"aggTrade","E":123456789,"s":"BTCUSDT","a":5933014,"p":"0.001","q":"100","f":100,"l":105,"T":123456785,"m":true}',
      '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":123456790,"s":"BTCUSDT","a":5933015,"p":"0.002","q":"1.50","f":106,"l":106,"T":123456786,"m":false}}',
      '{"stream":"ethusdt@trade","data":{"e":"trade","E":123456790,"T":123456789,"s":"ETHUSDT","t":5,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}',
      '{"stream":"ethusdt@trade","data":{"e":"trade","E":123456790,"T":123456789,"s":"ETHUSDT","t":6,"p":"61800.30","q":"0.006","X":"INSURANCE_FUND","m":true}}',
      '{"e":"depthUpdate","E":123456790,"T":123456789,"s":"BTCUSDT","U":161,"u":165,"pu":160,"b":[["0.0024","1"]],"a":[["0.0026","0"]]}',
    ],
  },
  {
    name: 'bybit-linear',
    adapter: bybitLinearAdapter,
    session: 'bybit/v5-session.jsonl',
    recording: 'bybit-v5-20260809',
    frames: [],
  },
  {
    name: 'coinbase',
    adapter: coinbaseAdvancedAdapter,
    session: 'coinbase/advanced-session.jsonl',
    recording: 'coinbase-advanced-20260809',
    frames: [
      '{"channel":"l2_data","client_id":"","timestamp":"2023-02-09T20:32:50.714964855Z","sequence_num":0,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"1970-01-01T00:00:00Z","price_level":"21921.73","new_quantity":"0.06317902"},{"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"21921.3","new_quantity":"0.02"}]}]}',
      '{"channel":"l2_data","timestamp":"2023-02-09T20:32:50.814964855Z","sequence_num":1,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"offer","event_time":"1970-01-01T00:00:00Z","price_level":"21921.3","new_quantity":"0"}]}]}',
    ],
  },
  {
    name: 'coinbase-exchange',
    adapter: coinbaseExchangeAdapter,
    session: 'coinbase/exchange-session.jsonl',
    recording: 'coinbase-exchange-20210417',
    frames: [
      '{"type":"l2update","product_id":"BTC-USD","changes":[["buy","10101.80","0.162567"],["sell","10102.1","0"]],"time":"2019-08-14T20:42:27.265Z"}',
      '{"type":"l2update","product_id":"BTC-USD","changes":[["sell","10102.2","3"],["buy","10101.10","0"]],"time":"0001-01-01T00:00:00.000000Z"}',
    ],
  },
  {
    name: 'kraken',
    adapter: krakenAdapter,
    session: 'kraken/v2-session.jsonl',
    readsTrades: true,
    recording: 'kraken-v2-20260824-btcusd',
    frames: [
      '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":63999.9,"qty":5.45157246}],"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}',
      '{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}',
      '{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"buy","price":0.51170,"qty":4.00000000,"ord_type":"limit","trade_id":4665907,"timestamp":"2023-09-25T07:49:37.808706Z"},{"symbol":"MATIC/USD","side":"buy","price":0.512,"qty":0.5,"ord_type":"market","trade_id":4665908,"timestamp":"2023-09-25T07:49:37.808706Z"}]}',
      '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":64000.1,"qty":0.00000000},{"price":64000.2,"qty":10}],"checksum":0,"timestamp":"2023-10-06T17:35:55Z"}]}',
    ],
  },
  {
    name: 'kraken-v1',
    adapter: krakenV1Adapter,
    session: 'kraken/v1-session.jsonl',
    recording: 'kraken-20210417',
    frames: [
      '[1234,{"a":[["5541.30000","2.50700000","1534614248.456738"]],"c":"974942666"},"book-10","XBT/USD"]',
      '[1234,{"a":[["5541.30000","2.50700000","1534614248.456738"],["5542.50000","0.40100000","1534614248.456738","r"]]},{"b":[["5541.30000","0.00000000","1534614335.345903"]],"c":"974942666"},"book-10","XBT/USD"]',
    ],
  },
  {
    name: 'okx',
    adapter: okxAdapter,
    session: 'okx/v5-session.jsonl',
    frames: [
      '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":-855196043,"seqId":123457,"prevSeqId":123456}]}',
      '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[],"ts":"1597026383086","checksum":0,"seqId":123457,"prevSeqId":-1}]}',
    ],
  },
  {
    name: 'okx-checksum',
    adapter: okxChecksumAdapter,
    session: 'okx/v5-checksum-session.jsonl',
    recording: 'okx-20220513',
    frames: [
      '{"arg":{"channel":"books-l2-tbt","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":-855196043}]}',
    ],
  },
];

describe.each(CASES)('$name', ({ adapter, session, readsTrades, recording, frames }) => {
  const all = [
    ...readFileSync(join(import.meta.dirname, '../fixtures', session), 'utf8').split('\n'),
    ...frames,
    ...recordedFrames(recording),
  ].filter((frame) => frame !== '' && frame !== 'pong');

  const readTypes = readsTrades === true ? (['delta', 'trade'] as const) : (['delta'] as const);
  it.each(readTypes)('reads nearly every %s without the parser', (wanted) => {
    const decoder = adapter.createDecoder({ depth: undefined });
    const parse = vi.spyOn(JSON, 'parse');
    let count = 0;
    let parsedCount = 0;
    // The first time teaches the scales.
    for (const frame of [...all, ...all]) {
      parse.mockClear();
      const isWanted = decoder
        .decode(frame, NOW_MS)
        .some((message) => message.type === wanted && !(message.type === 'trade' && message.event.isHistory));
      if (!isWanted) continue;
      count++;
      if (parse.mock.calls.length > 0) parsedCount++;
    }
    parse.mockRestore();
    expect(count).toBeGreaterThan(0);
    expect(parsedCount).toBeLessThanOrEqual(count / 2);
  });

  it(`reads ${MUTATIONS} whole and damaged frames as the parser does`, () => {
    const random = createSeededRandom(SEED);
    const pick = (count: number): number => Math.floor(random() * count);
    let direct = adapter.createDecoder({ depth: undefined });
    let parsed = adapter.createDecoder({ depth: undefined });
    for (let run = 0; run < MUTATIONS; run++) {
      if (run % 300 === 0) {
        direct = adapter.createDecoder({ depth: undefined });
        parsed = adapter.createDecoder({ depth: undefined });
      }
      const whole = all[pick(all.length)]!;
      const frame = pick(3) === 0 ? whole : mutate(whole, pick);
      const was = direct.decode(frame, NOW_MS);
      const wanted = parsed.decode(` ${frame}`, NOW_MS).map((message) => quoting(message, frame));
      expect(was, `run ${run} of seed ${SEED}: ${frame}`).toStrictEqual(wanted);
    }
  }, 600_000);
});

function recordedFrames(recording: string | undefined): string[] {
  if (recording === undefined) return [];
  const path = sharedDataPath(`recordings/${recording}.jsonl.gz`);
  if (path === undefined) return [];
  return readRecordingLines(path)
    .filter(({ dir, data }) => dir === 'in' && data.length <= FRAME_MAX_CHARACTERS)
    .slice(0, FRAMES_MAX)
    .map(({ data }) => data);
}

/** What JSON is made of, and what numbers are. */
const PIECES = [
  ...Array.from('0123456789.-+eE,:"[]{}\\ '),
  '\t',
  '\u0000',
  'é',
  '""',
  '[]',
  '0',
  '00',
  '1e3',
  'null',
  '"0.10"',
  '9007199254740993',
  ',"r"',
];

function mutate(frame: string, pick: (count: number) => number): string {
  let text = frame;
  for (let left = 1 + pick(2); left > 0; left--) {
    const at = pick(text.length);
    const end = at + pick(4);
    switch (pick(7)) {
      case 0:
        text = text.slice(0, at);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(end + 1);
        break;
      case 2:
        text = text.slice(0, at) + text.slice(at, end + 10) + text.slice(at);
        break;
      case 3:
        text += PIECES[pick(PIECES.length)]!;
        break;
      case 4: {
        const digit = /\d/g;
        digit.lastIndex = at;
        const found = digit.exec(text)?.index ?? at;
        text = text.slice(0, found) + PIECES[pick(PIECES.length)]! + text.slice(found + pick(2));
        break;
      }
      default:
        text = text.slice(0, at) + PIECES[pick(PIECES.length)]! + text.slice(at + pick(2));
    }
  }
  return text;
}

/** Reasons quote the frame as it came. */
function quoting(message: FeedMessage, frame: string): FeedMessage {
  const blanked = excerpt(` ${frame}`);
  const unblanked = (text: string): string =>
    text === blanked ? excerpt(frame) : text.replace(`: ${blanked}`, () => `: ${excerpt(frame)}`);
  if (message.type === 'rejected') return { ...message, reason: unblanked(message.reason) };
  return message.type === 'refused' ? { ...message, message: unblanked(message.message) } : message;
}
