import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import { okxAdapter, okxChecksum, okxChecksumAdapter } from '../../src/exchanges/okx.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';
import { decodeFrames } from '../support/decode-frames.ts';
import { NaiveBook } from '../support/naive-book.ts';
import { sharedDataPath } from '../support/recordings.ts';

const NOW_MS = 1_800_000_000_000;
const decode = (frame: string, adapter = okxAdapter): readonly FeedMessage[] =>
  adapter.createDecoder({ depth: undefined }).decode(frame, NOW_MS);

const bookFrame = (action: string, fields: object, channel = 'books'): string =>
  JSON.stringify({
    arg: { channel, instId: 'BTC-USDT' },
    action,
    data: [
      {
        asks: [['67500.2', '1.5', '0', '3']],
        bids: [['67500.1', '1', '0', '4']],
        ts: '1785096000030',
        ...fields,
      },
    ],
  });

describe('the book of OKX', () => {
  it('starts with a snapshot at its seqId, without a checksum to compare', () => {
    expect(decode(bookFrame('snapshot', { checksum: 0, prevSeqId: -1, seqId: 450001 }))).toEqual([
      {
        type: 'book',
        nativeSymbol: 'BTC-USDT',
        event: {
          type: 'BookSnapshot',
          scales: { price: 1, quantity: 1 },
          bids: [675001, 10],
          asks: [675002, 15],
          depth: undefined,
          sequence: 450001,
          checksum: undefined,
          eventTimeMs: 1785096000030,
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
  });

  it('tells an update with the seqId that it follows on', () => {
    expect(decode(bookFrame('update', { checksum: 0, prevSeqId: 450001, seqId: 450009 }))).toMatchObject([
      { type: 'delta', event: { sequence: 450009 }, range: { previous: 450001, last: 450009 } },
    ]);
  });

  it('of 2021 is told with its checksum, without a sequence', () => {
    for (const channel of ['books', 'books-l2-tbt']) {
      expect(
        decode(bookFrame('update', { checksum: -914047754 }, channel), okxChecksumAdapter),
      ).toMatchObject([{ type: 'delta', event: { sequence: undefined, checksum: -914047754 }, range: {} }]);
    }
  });

  it('is damaged by a message that lacks its proof, and by a level that is no number', () => {
    expect(decode(bookFrame('update', { checksum: 5 }))).toMatchObject([
      { type: 'rejected', nativeSymbol: 'BTC-USDT', damagesBook: true },
    ]);
    expect(decode(bookFrame('update', { seqId: 5 }), okxChecksumAdapter)).toMatchObject([
      { type: 'rejected', damagesBook: true },
    ]);
    expect(decode(bookFrame('update', { seqId: 5, prevSeqId: 4, bids: [['1', '-1']] }))).toMatchObject([
      { type: 'delta', event: { bids: [] } },
      { type: 'rejected', damagesBook: true },
    ]);
    expect(decode(bookFrame('refresh', { seqId: 5, prevSeqId: 4 }))).toMatchObject([
      { type: 'rejected', damagesBook: true },
    ]);
  });

  it('goes on over what follows, idle updates and a counter that fell; all else is a gap', () => {
    const verdict = (previous: number | undefined, last: number) =>
      okxAdapter.continuity(100, { previous, last }, false).verdict;
    expect(verdict(100, 117)).toBe('apply');
    expect(verdict(100, 100)).toBe('apply');
    expect(verdict(100, 3)).toBe('reset');
    expect(verdict(99, 117)).toBe('gap');
    expect(verdict(117, 118)).toBe('gap');
    expect(verdict(undefined, 101)).toBe('gap');
    expect(okxAdapter.continuity(100, { previous: 102, last: 110 }, false)).toEqual({
      verdict: 'gap',
      expected: 100,
      was: 102,
    });
  });

  const framesPath = sharedDataPath('examples/okx-v5-books-20260824-frames.jsonl');
  it.skipIf(framesPath === undefined)('chains over the recorded updates of 2026', () => {
    const frames = readFileSync(framesPath!, 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { data: string }).data);
    const first = frames[0]!.replace('"update"', '"snapshot"');
    const received = [first, ...frames.slice(1)].map((frame) => ({ conn: 1, frame, receiveTimeMs: NOW_MS }));
    const book = decodeFrames(received, () => okxAdapter).books.get('1/BTC-USDT')!;
    expect({ ok: book.sequenceChecksOk, gaps: book.gaps, last: book.last }).toEqual({
      ok: 2,
      gaps: 0,
      last: 80274875002,
    });
  });
});

describe('the old checksum of OKX', () => {
  const bookOf = (bids: readonly number[], asks: readonly number[]): NaiveBook => {
    const book = new NaiveBook();
    book.replace({
      type: 'BookSnapshot',
      scales: { price: 2, quantity: 3 },
      bids,
      asks,
      depth: undefined,
      sequence: undefined,
      checksum: undefined,
      eventTimeMs: 0,
      receiveTimeMs: 0,
    });
    return book;
  };

  it('is the one worked out for sides of equal length, whatever the scales', () => {
    const book = bookOf([336610, 7000, 336600, 6000], [336680, 9000, 336800, 8000]);
    expect(okxChecksum(book)).toBe(-1881014294);
  });

  it('goes on with the longer side when the other has run out', () => {
    const book = bookOf([336610, 7000], [336680, 9000, 336800, 8000, 337200, 8000]);
    expect(okxChecksum(book)).toBe(831078360);
  });
});

describe('OKX', () => {
  it('reads trades with the side of the taker', () => {
    const frame = (side: string) =>
      `{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"${side}","ts":"1630048897897","count":"3","source":"0","seqId":1234}]}`;
    expect(decode(frame('buy'))).toEqual([
      {
        type: 'trade',
        nativeSymbol: 'BTC-USDT',
        event: {
          type: 'Trade',
          scales: { price: 1, quantity: 8 },
          price: 422199,
          quantity: 12060306,
          takerSide: 'buy',
          tradeId: '130639474',
          isHistory: false,
          eventTimeMs: 1630048897897,
          receiveTimeMs: NOW_MS,
        },
      },
    ]);
    expect(decode(frame('sell'))).toMatchObject([{ event: { takerSide: 'sell' } }]);
    expect(decode(frame('none'))).toMatchObject([{ type: 'rejected', nativeSymbol: 'BTC-USDT' }]);
  });

  it('takes the text pong for a sign of life, though it is no JSON', () => {
    expect(decode('pong')).toEqual([{ type: 'alive' }]);
    expect(okxAdapter.clientPing).toMatchObject({ everyMs: 20_000, whenIdle: true });
    expect(okxAdapter.clientPing?.frame(NOW_MS)).toBe('ping');
  });

  it('finds the symbol of a refusal in its text, and a notice of upgrade', () => {
    expect(
      decode(
        '{"id":"1514","event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:NOPE-USDT doesn\'t exist. …","connId":"a4d3ae55"}',
      ),
    ).toMatchObject([{ type: 'refused', code: '60018', nativeSymbol: 'NOPE-USDT' }]);
    expect(
      decode(
        '{"event":"notice","code":"64008","msg":"The connection will soon be closed","connId":"a4d3ae55"}',
      ),
    ).toEqual([{ type: 'leave', reason: 'The connection will soon be closed' }]);
    expect(decode('{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"}}')).toEqual([
      { type: 'subscribed', channel: 'books', nativeSymbol: 'BTC-USDT' },
    ]);
  });

  it('leaves other channels alone and rejects what it can not read', () => {
    expect(decode('{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"last":"1"}]}')).toEqual([]);
    for (const frame of ['', '7', '[]', '{}', '{"arg":{"channel":"books"},"data":[]}', 'ponG']) {
      expect([frame, decode(frame)]).toMatchObject([frame, [{ type: 'rejected' }]]);
    }
  });

  it('asks for both channels of up to 25 symbols in one frame', () => {
    const symbols = Array.from({ length: 26 }, (_, index) => toNativeSymbol(`S${index}-USDT`));
    const frames = okxAdapter
      .subscribeFrames(symbols, ['book', 'trades'], { depth: undefined }, NOW_MS)
      .map((frame) => JSON.parse(frame) as { op: string; args: unknown[] });
    expect(frames.map(({ op, args }) => [op, args.length])).toEqual([
      ['subscribe', 50],
      ['subscribe', 2],
    ]);
    expect(frames[1]!.args).toEqual([
      { channel: 'books', instId: 'S25-USDT' },
      { channel: 'trades', instId: 'S25-USDT' },
    ]);
  });

  it('names spot pairs, swaps and futures, and leaves options out', () => {
    const body = JSON.stringify({
      code: '0',
      msg: '',
      data: [
        {
          instType: 'SPOT',
          instId: 'BTC-USDT',
          baseCcy: 'BTC',
          quoteCcy: 'USDT',
          tickSz: '0.1',
          lotSz: '0.00000001',
          state: 'live',
        },
        {
          instType: 'SWAP',
          instId: 'BTC-USD-SWAP',
          uly: 'BTC-USD',
          tickSz: '0.1',
          lotSz: '1',
          state: 'live',
        },
        {
          instType: 'FUTURES',
          instId: 'BTC-USD-261225',
          uly: 'BTC-USD',
          tickSz: '0.1',
          lotSz: '1',
          state: 'suspend',
        },
        { instType: 'OPTION', instId: 'BTC-USD-261225-66000-C', uly: 'BTC-USD', state: 'live' },
      ],
    });
    expect(okxAdapter.readInstruments(body)).toEqual({
      ok: true,
      listings: [
        {
          nativeSymbol: 'BTC-USDT',
          symbol: 'BTC-USDT',
          tickSize: '0.1',
          lotSize: '0.00000001',
          isTrading: true,
        },
        {
          nativeSymbol: 'BTC-USD-SWAP',
          symbol: 'BTC-USD-PERP',
          tickSize: '0.1',
          lotSize: '1',
          isTrading: true,
        },
        {
          nativeSymbol: 'BTC-USD-261225',
          symbol: 'BTC-USD-261225',
          tickSize: '0.1',
          lotSize: '1',
          isTrading: false,
        },
      ],
    });
    expect(okxAdapter.readInstruments('{"code":"51001","msg":"no such thing","data":[]}')).toEqual({
      ok: false,
      reason: 'instruments: no such thing',
    });
  });
});
