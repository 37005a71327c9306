/** Whole sessions through the adapters of Kraken, OKX, Bybit and Coinbase, undamaged and damaged. */
import { describe, expect, it } from 'vitest';
import type { ExchangeAdapter } from '../../src/exchanges/adapter.ts';
import { bybitSpotAdapter } from '../../src/exchanges/bybit.ts';
import { coinbaseAdvancedAdapter } from '../../src/exchanges/coinbase-advanced.ts';
import { coinbaseExchangeAdapter } from '../../src/exchanges/coinbase-exchange.ts';
import { krakenV1Adapter } from '../../src/exchanges/kraken-v1.ts';
import { krakenAdapter } from '../../src/exchanges/kraken.ts';
import { okxAdapter, okxChecksumAdapter } from '../../src/exchanges/okx.ts';
import type { DecodedFrames, ReceivedFrame } from '../support/decode-frames.ts';
import { decodeFrames } from '../support/decode-frames.ts';
import { readRecordingLines, sharedDataPath } from '../support/recordings.ts';
import { readFinalBooks, readSession } from '../support/session-fixtures.ts';

const SESSIONS: readonly { name: string; adapter: ExchangeAdapter; proof: string }[] = [
  { name: 'kraken/v2-session', adapter: krakenAdapter, proof: 'checksum' },
  { name: 'kraken/v1-session', adapter: krakenV1Adapter, proof: 'checksum' },
  { name: 'okx/v5-session', adapter: okxAdapter, proof: 'sequence' },
  { name: 'okx/v5-checksum-session', adapter: okxChecksumAdapter, proof: 'checksum' },
  { name: 'bybit/v5-session', adapter: bybitSpotAdapter, proof: 'sequence' },
  { name: 'coinbase/exchange-session', adapter: coinbaseExchangeAdapter, proof: 'none' },
  { name: 'coinbase/advanced-session', adapter: coinbaseAdvancedAdapter, proof: 'connection' },
];

describe.each(SESSIONS)('the session $name', ({ name, adapter, proof }) => {
  const frames = readSession(name);
  const decoded = decodeFrames(frames, () => adapter);

  it('ends in the books that its maker held', () => {
    const books = [...decoded.books].map(([key, { levels }]) => [
      key.slice(2),
      { bids: levels.top('bids', 20), asks: levels.top('asks', 20) },
    ]);
    expect(Object.fromEntries(books)).toEqual(readFinalBooks(name));
    expect(decoded.others.filter((message) => message.type === 'rejected')).toEqual([]);
  });

  it('proves every delta as its exchange offers', () => {
    const books = [...decoded.books.values()];
    const sum = (count: (book: (typeof books)[number]) => number): number =>
      books.reduce((total, book) => total + count(book), 0);
    expect({
      checksumsBad: sum((book) => book.checksumsBad),
      gaps: sum((book) => book.gaps) + decoded.connectionGaps,
    }).toEqual({ checksumsBad: 0, gaps: 0 });
    const updates = sum((book) => book.updates);
    expect(updates).toBeGreaterThan(30);
    if (proof === 'checksum') expect(sum((book) => book.checksumsOk)).toBeGreaterThanOrEqual(updates);
    if (proof === 'sequence') expect(sum((book) => book.sequenceChecksOk)).toBe(updates);
    if (proof === 'connection') expect(decoded.connectionChecksOk).toBe(frames.length - 1);
  });
});

/** Adds one to the last digit of the first price in the frame. */
function changePriceDigit(frame: string): string {
  return frame.replace(/(\["|"price":)([\d.]*)(\d)/, (_all, before: string, price: string, digit: string) => {
    return `${before}${price}${(Number.parseInt(digit, 10) + 1) % 10}`;
  });
}

function isBookUpdate(frame: string): boolean {
  return (
    (frame.includes('checksum') || frame.includes('"c":')) &&
    !frame.includes('snapshot') &&
    !frame.includes('"as":')
  );
}

function topLevels(decoded: DecodedFrames, count: number): unknown {
  return [...decoded.books].map(([key, { levels }]) => [
    key,
    levels.top('bids', count),
    levels.top('asks', count),
  ]);
}

function badChecksums(decoded: DecodedFrames): number {
  return [...decoded.books.values()].reduce((total, book) => total + book.checksumsBad, 0);
}

/** Changes one price in each of `places`, and compares the book after that frame with the undamaged one. */
function damagePrices(
  frames: readonly ReceivedFrame[],
  places: readonly number[],
  adapter: ExchangeAdapter,
  levelCount: number,
) {
  let changedTops = 0;
  for (const place of places) {
    const sound = frames.slice(0, place + 1);
    const damaged = sound.with(place, { ...sound[place]!, frame: changePriceDigit(sound[place]!.frame) });
    const [soundRun, damagedRun] = [sound, damaged].map((run) => decodeFrames(run, () => adapter));
    const isTopChanged =
      JSON.stringify(topLevels(soundRun!, levelCount)) !== JSON.stringify(topLevels(damagedRun!, levelCount));
    if (isTopChanged) changedTops++;
    expect({ place, bad: badChecksums(damagedRun!) }).toEqual({ place, bad: isTopChanged ? 1 : 0 });
  }
  return changedTops;
}

describe('a price with one wrong digit', () => {
  it.each([
    { name: 'kraken/v2-session', adapter: krakenAdapter, levelCount: 10 },
    { name: 'kraken/v1-session', adapter: krakenV1Adapter, levelCount: 10 },
    { name: 'okx/v5-checksum-session', adapter: okxChecksumAdapter, levelCount: 25 },
  ])('fails the checksum of $name exactly where it changes a level that counts', (damage) => {
    const frames = readSession(damage.name);
    const places = [...frames.keys()].filter((index) => isBookUpdate(frames[index]!.frame));
    const changedTops = damagePrices(frames, places, damage.adapter, damage.levelCount);
    expect(changedTops).toBeGreaterThan(places.length / 2);
  });

  it.each([
    { id: 'kraken-20210417', adapter: krakenV1Adapter, levelCount: 10 },
    { id: 'kraken-v2-20260818-minagbp-resync', adapter: krakenAdapter, levelCount: 10 },
    { id: 'okx-20220513', adapter: okxChecksumAdapter, levelCount: 25 },
  ])('fails the checksum in the recording $id', ({ id, adapter, levelCount }) => {
    const path = sharedDataPath(`recordings/${id}.jsonl.gz`);
    if (path === undefined) return;
    const frames = readRecordingLines(path)
      .filter((line) => line.dir === 'in')
      .map((line) => ({ conn: line.conn, frame: line.data, receiveTimeMs: Math.floor(line.t) }))
      .slice(0, 400);
    const updates = [...frames.keys()].filter((index) => isBookUpdate(frames[index]!.frame));
    const places = updates.filter((_place, index) => index % Math.ceil(updates.length / 25) === 0);
    expect(damagePrices(frames, places, adapter, levelCount)).toBeGreaterThan(3);
  });
});

describe('a message that was left out', () => {
  it.each([
    { name: 'okx/v5-session', adapter: okxAdapter, isNewBook: /"action":"snapshot"/ },
    { name: 'bybit/v5-session', adapter: bybitSpotAdapter, isNewBook: /"type":"snapshot"|"u":1,/ },
  ])('leaves a gap in the sequence of $name', ({ name, adapter, isNewBook }) => {
    const frames = readSession(name).filter(({ frame }) => /"topic":"orderbook|"action":/.test(frame));
    let noticed = 0;
    for (let place = 1; place < frames.length - 1; place++) {
      const next = frames[place + 1]!.frame;
      const isIdle = frames[place]!.frame.includes('"asks":[],"bids":[]');
      const decoded = decodeFrames(frames.toSpliced(place, 1), () => adapter);
      const gaps = [...decoded.books.values()].reduce((total, book) => total + book.gaps, 0);
      // Nothing is lost with an idle frame, nor when the next one is a new book anyway.
      const isHarmless = isIdle || isNewBook.test(next);
      expect({ place, gaps }).toEqual({ place, gaps: isHarmless ? 0 : 1 });
      noticed += gaps;
    }
    expect(noticed).toBeGreaterThan(frames.length * 0.9 - 4);
  });

  it('leaves a gap in the counter of a Coinbase Advanced connection, whatever the message was about', () => {
    const frames = readSession('coinbase/advanced-session');
    for (let place = 1; place < frames.length - 1; place++) {
      const decoded = decodeFrames(frames.toSpliced(place, 1), () => coinbaseAdvancedAdapter);
      expect({ place, gaps: decoded.connectionGaps }).toEqual({ place, gaps: 1 });
    }
  });
});
