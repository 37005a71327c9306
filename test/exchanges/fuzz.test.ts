/**
 * Hostile frames: seeded mutations of real shapes never make a decoder throw, and whatever it still reads is well formed.
 * `FUZZ_MUTATIONS` sets how many per adapter (continuous integration runs 100,000); `FUZZ_SEED` another sequence.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSeededRandom } from '../../src/base/clock.ts';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import { adapters } from '../../src/exchanges/registry.ts';
import type { Levels } from '../../src/market/events.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import type { Units } from '../../src/market/units.ts';
import { readRecordingLines, sharedDataPath } from '../support/recordings.ts';

const MUTATIONS = Number.parseInt(process.env['FUZZ_MUTATIONS'] ?? '2000', 10);
const SEED = Number.parseInt(process.env['FUZZ_SEED'] ?? '20261120', 10);
const FIXTURES = join(import.meta.dirname, '../fixtures');

/** Where the frames of an adapter are: one a line. */
const SESSIONS: Readonly<Record<string, string>> = {
  binance: 'binance/spot-session.jsonl',
  'binance-usdm': 'binance/usdm-session.jsonl',
  'bybit-linear': 'bybit/v5-session.jsonl',
  'bybit-spot': 'bybit/v5-session.jsonl',
  coinbase: 'coinbase/advanced-session.jsonl',
  'coinbase-exchange': 'coinbase/exchange-session.jsonl',
  cryptocom: 'cryptocom/v1-session.jsonl',
  'cryptocom-2021': 'cryptocom/2021-session.jsonl',
  kraken: 'kraken/v2-session.jsonl',
  'kraken-v1': 'kraken/v1-session.jsonl',
  okx: 'okx/v5-session.jsonl',
  'okx-checksum': 'okx/v5-checksum-session.jsonl',
};

/** Recordings whose frames are damaged too, where they are there; today's OKX form has none. */
const RECORDINGS: Readonly<Record<string, string>> = {
  binance: 'recordings/binance-spot-20210405',
  'binance-usdm': 'recordings/binance-usdm-20210722',
  'bybit-linear': 'recordings/bybit-v5-20260809',
  'bybit-spot': 'recordings/bybit-v5-20260809',
  coinbase: 'recordings/coinbase-advanced-20260809',
  'coinbase-exchange': 'recordings/coinbase-exchange-20210417',
  cryptocom: 'derived/cryptocom-v1-20211123',
  'cryptocom-2021': 'recordings/cryptocom-20211123',
  kraken: 'recordings/kraken-v2-20260818-minagbp-resync',
  'kraken-v1': 'recordings/kraken-20210417',
  'okx-checksum': 'recordings/okx-20220513',
};
/** Enough for every kind of frame; longer ones only make more of the same. */
const RECORDED_FRAMES_MAX = 400;
const RECORDED_FRAME_MAX_CHARACTERS = 2_000;

function recordedFrames(name: string): string[] {
  const recording = RECORDINGS[name];
  const path = recording === undefined ? undefined : sharedDataPath(`${recording}.jsonl.gz`);
  if (path === undefined) return [];
  return readRecordingLines(path)
    .filter(({ dir, data }) => dir === 'in' && data.length <= RECORDED_FRAME_MAX_CHARACTERS)
    .slice(0, RECORDED_FRAMES_MAX)
    .map(({ data }) => data);
}

/** Trades for the sessions that hold books only. */
const TRADE_FRAMES: Readonly<Record<string, string>> = {
  'bybit/v5-session.jsonl':
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false}]}',
  'coinbase/advanced-session.jsonl':
    '{"channel":"market_trades","client_id":"","timestamp":"2026-09-21T14:13:22.1Z","sequence_num":99,"events":[{"type":"update","trades":[{"trade_id":"12345","product_id":"BTC-USD","price":"1260.01","size":"0.3","time":"2026-09-21T14:13:22.07Z","side":"BUY"}]}]}',
  'coinbase/exchange-session.jsonl':
    '{"type":"match","trade_id":10,"sequence":50,"maker_order_id":"a","taker_order_id":"b","time":"2026-11-07T08:19:27.028459Z","product_id":"BTC-USD","size":"5.23512","price":"400.23","side":"sell"}',
  'kraken/v1-session.jsonl':
    '[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""]],"trade","XBT/USD"]',
  'kraken/v2-session.jsonl':
    '{"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.00000000,"ord_type":"market","trade_id":4665906,"timestamp":"2026-09-25T07:49:37.708706Z"}]}',
  'okx/v5-session.jsonl':
    '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3","source":"0","seqId":1234}]}',
  'okx/v5-checksum-session.jsonl':
    '{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","ts":"1630048897897"}]}',
};

describe.each([...adapters])('the adapter %s', (name, adapter) => {
  const session = SESSIONS[name];

  it('has frames to be damaged', () => {
    expect(session).toBeDefined();
  });
  if (session === undefined) return;
  const frames = readFileSync(join(FIXTURES, session), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .concat(TRADE_FRAMES[session] ?? []);

  it('reads its own frames without a rejected part', () => {
    const decoder = adapter.createDecoder({ depth: undefined });
    const messages = frames.flatMap((frame) => decoder.decode(frame, 1));
    expect(messages.filter((message) => message.type === 'rejected')).toEqual([]);
    const types = new Set(messages.map((message) => message.type));
    expect([types.has('book') || types.has('delta'), types.has('trade')]).toEqual([true, true]);
  });

  it(`reads ${MUTATIONS} damaged frames without throwing, and what it makes of them is well formed`, () => {
    const random = createSeededRandom(SEED);
    const all = [...frames, ...recordedFrames(name)];
    let decoder = adapter.createDecoder({ depth: undefined });
    let readCount = 0;
    for (let run = 0; run < MUTATIONS; run++) {
      // What a frame taught the decoder must not lead it astray with the next one, so several share one.
      if (run % 200 === 0) decoder = adapter.createDecoder({ depth: undefined });
      const frame = mutate(all, random);
      let messages: readonly FeedMessage[];
      try {
        messages = decoder.decode(frame, 1_790_000_000_000);
      } catch (error) {
        throw new Error(`mutation ${run} of seed ${SEED} made the decoder throw: ${frame}`, { cause: error });
      }
      for (const message of messages) {
        const flaw = flawOf(message);
        if (flaw !== undefined) throw new Error(`mutation ${run} of seed ${SEED}: ${flaw}: ${frame}`);
        if (message.type !== 'rejected') readCount++;
      }
    }
    // Damage that leaves nothing readable would prove nothing about what is read.
    expect(readCount).toBeGreaterThan(MUTATIONS / 20);
  }, 600_000);

  it('refuses binary frames and answers damaged answers with a reason', () => {
    const decoder = adapter.createDecoder({ depth: undefined });
    const messages = decoder.decode(new Uint8Array([0, 255, 10, 123]), 1);
    expect(messages.map((message) => message.type)).toEqual(['rejected']);
    const random = createSeededRandom(SEED + 1);
    const bodies = [...frames, ...bodiesBeside(session), '', '[]', 'null', '{"result":{}}'];
    for (let run = 0; run < MUTATIONS / 10; run++) {
      const body = mutate(bodies, random);
      const snapshot = adapter.readSnapshot(body, toNativeSymbol('ETHUSDT'), 1, decoder);
      const flaw = snapshot.ok
        ? flawOf({ type: 'book', nativeSymbol: toNativeSymbol('ETHUSDT'), event: snapshot.event })
        : undefined;
      expect(flaw).toBeUndefined();
      const instruments = adapter.readInstruments(body);
      expect(instruments.ok || instruments.reason !== '').toBe(true);
    }
  }, 600_000);
});

function bodiesBeside(session: string): string[] {
  const folder = join(FIXTURES, session, '..');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json') && !file.endsWith('.expected.json'))
    .map((file) => readFileSync(join(folder, file), 'utf8'));
}

const TOKENS = [
  ...[
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '-',
    '.',
    '0',
    'e',
    ' ',
    '\u0000',
    '\ud800',
    '"__proto__":',
    '"constructor"',
  ],
  ...[
    'null',
    'true',
    '-1',
    '1e999',
    '1e-400',
    '9007199254740993',
    '0.1',
    '1'.repeat(400),
    '""',
    '"NaN"',
    '"1e5"',
    '"-1"',
    '[[]]',
    '{}',
  ],
  ...['"' + '9'.repeat(90) + '"', '"0.' + '0'.repeat(40) + '1"', '['.repeat(3000)],
];

function mutate(frames: readonly string[], random: () => number): string {
  const below = (count: number): number => Math.floor(random() * count);
  let text = frames[below(frames.length)]!;
  for (let times = 1 + below(3); times > 0; times--) {
    const at = below(text.length + 1);
    switch (below(7)) {
      case 0:
        text = text.slice(0, at) + String.fromCharCode(32 + below(95)) + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + 1 + below(20));
        break;
      case 2:
        text = text.slice(0, at) + TOKENS[below(TOKENS.length)]! + text.slice(at);
        break;
      case 3:
        text = replaceValue(text, at, TOKENS[below(TOKENS.length)]!);
        break;
      case 4:
        text = replaceValue(text, at, TOKENS[below(TOKENS.length)]!);
        break;
      case 5:
        text = text.slice(0, at) + text.slice(at, at + 60) + text.slice(at);
        break;
      default:
        text = below(4) === 0 ? text.slice(0, at) : swapKey(text, at);
    }
  }
  return text;
}

/** Replaces the first string or number value after `at`, so that the text mostly stays JSON and the damage gets past the parser. */
function replaceValue(text: string, at: number, value: string): string {
  const match = /[:[,](?:"[^"]*"|-?\d[\d.eE+-]*|null|true|false)(?=[,\]}])/.exec(text.slice(at));
  if (match === null) return text;
  const start = at + match.index + 1;
  return text.slice(0, start) + value + text.slice(start + match[0].length - 1);
}

/** Renames the first key after `at`, as if the exchange had left it out. */
function swapKey(text: string, at: number): string {
  const match = /"(\w+)":/.exec(text.slice(at));
  if (match === null) return text;
  const start = at + match.index + 1;
  return `${text.slice(0, start)}gone${text.slice(start + match[1]!.length)}`;
}

/** Says what is wrong with a message that a decoder gave, if anything is. */
function flawOf(message: FeedMessage): string | undefined {
  switch (message.type) {
    case 'book':
    case 'delta': {
      const { event } = message;
      if (!isTime(event.eventTimeMs) || !isTime(event.receiveTimeMs)) return 'time is not whole milliseconds';
      if (!areLevels(event.bids) || !areLevels(event.asks)) return 'levels are not pairs of units ≥ 0';
      if (!isScale(event.scales.price) || !isScale(event.scales.quantity)) return 'scale is out of range';
      return message.nativeSymbol === '' ? 'empty symbol' : undefined;
    }
    case 'trade': {
      const { event } = message;
      if (!isTime(event.eventTimeMs)) return 'time is not whole milliseconds';
      if (!isUnits(event.price) || !isUnits(event.quantity)) return 'price or quantity is not units ≥ 0';
      if (event.tradeId === '') return 'empty trade id';
      return message.nativeSymbol === '' ? 'empty symbol' : undefined;
    }
    case 'rejected':
      return message.reason === '' ? 'rejected without a reason' : undefined;
    case 'connectionSequence':
      return isUnits(message.sequence) ? undefined : 'connection sequence is no whole number';
    case 'subscribed':
    case 'unsubscribed':
    case 'refused':
    case 'reply':
    case 'alive':
    case 'leave':
      return undefined;
    default:
      return message satisfies never;
  }
}

function isTime(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isScale(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 30;
}

function isUnits(value: Units): boolean {
  return typeof value === 'bigint'
    ? value > BigInt(Number.MAX_SAFE_INTEGER)
    : Number.isSafeInteger(value) && value >= 0;
}

function areLevels(levels: Levels): boolean {
  return levels.length % 2 === 0 && levels.every(isUnits);
}
