/** What every implementation of the instrument catalog and of the operations records promises. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  AuditEntry,
  DeadLetter,
  DesiredInstrument,
  FeedGap,
  InstrumentCatalog,
  OperationsRecords,
  SupervisionEvent,
} from '../../src/actors/ports.ts';
import { toExchangeId, toInstrumentKey, toNativeSymbol, toUnifiedSymbol } from '../../src/market/symbols.ts';

export type OperatorTablesStore = {
  readonly catalog: InstrumentCatalog;
  readonly records: OperationsRecords;
  close(): Promise<void>;
};

function instrumentOf(
  symbol: string,
  nativeSymbol = symbol.replace('-', ''),
): Omit<DesiredInstrument, 'instrumentId'> {
  const exchange = toExchangeId('kraken');
  const unified = toUnifiedSymbol(symbol);
  return {
    instrument: toInstrumentKey(exchange, unified),
    exchange,
    symbol: unified,
    nativeSymbol: toNativeSymbol(nativeSymbol),
  };
}

function eventOf(path: string, attempt: number): SupervisionEvent {
  return {
    timeMs: 1_700_000_000_000 + attempt,
    path,
    kind: 'restarted',
    cause: 'the book is crossed',
    decision: 'restart',
    attempt,
    delayMs: 200,
    recoveredPosition: attempt === 1 ? undefined : 42,
  };
}

function letterOf(exchange: string, reason: string, text: string): DeadLetter {
  return { timeMs: 1_700_000_000_000, exchange, symbol: undefined, reason, detail: 'why', text };
}

function gapOf(instrument: string, fields: Partial<FeedGap> = {}): FeedGap {
  return {
    exchange: instrument.split(':')[0]!,
    instrument,
    channel: 'book',
    fromMs: 1_700_000_000_000,
    toMs: 1_700_000_000_750,
    reason: 'sequence gap: expected 1042, was 1050',
    repair: 'snapshot',
    tradesRefetched: 0,
    ...fields,
  };
}

export function describeOperatorTables(name: string, open: () => Promise<OperatorTablesStore>): void {
  describe(`operator tables: ${name}`, () => {
    let store: OperatorTablesStore;
    beforeAll(async () => {
      store = await open();
    });
    afterAll(() => store.close());

    describe('instrument catalog', () => {
      it('lists what was added, with the ids it gave', async () => {
        const first = await store.catalog.add(instrumentOf('BTC-USD', 'XBT/USD'));
        const second = await store.catalog.add(instrumentOf('ETH-USD'));
        expect(first).toEqual({
          ...instrumentOf('BTC-USD', 'XBT/USD'),
          instrumentId: first.instrumentId,
          settings: {},
        });
        expect(second.instrumentId).not.toBe(first.instrumentId);
        expect(await store.catalog.list()).toEqual([first, second]);
      });

      it('gives an instrument the id it once had', async () => {
        const added = await store.catalog.add(instrumentOf('SOL-USD'));
        await store.catalog.remove(added.instrument);
        expect((await store.catalog.list()).map(({ instrument }) => instrument)).not.toContain(
          added.instrument,
        );
        const other = await store.catalog.add(instrumentOf('ADA-USD'));
        const again = await store.catalog.add(instrumentOf('SOL-USD', 'SOLUSD-2'));
        expect(again.instrumentId).toBe(added.instrumentId);
        expect(other.instrumentId).not.toBe(added.instrumentId);
        expect(again.nativeSymbol).toBe('SOLUSD-2');
      });

      it('keeps what an instrument wants otherwise, also while it is not wanted', async () => {
        const { instrument } = await store.catalog.add(instrumentOf('DOT-USD'));
        const settings = { bookIntervalMs: 500, bookDepth: 10 };
        await store.catalog.configure(instrument, settings);
        const settingsOf = async () =>
          (await store.catalog.list()).find((listed) => listed.instrument === instrument)?.settings;
        expect(await settingsOf()).toEqual(settings);
        await store.catalog.remove(instrument);
        expect((await store.catalog.add(instrumentOf('DOT-USD'))).settings).toEqual(settings);
        await store.catalog.configure(instrument, {});
        expect(await settingsOf()).toEqual({});
        await expect(
          store.catalog.configure(instrumentOf('NONE-USD').instrument, settings),
        ).rejects.toMatchObject({ code: 'INSTRUMENT_UNKNOWN' });
        await store.catalog.remove(instrument);
      });

      it('changes nothing when an unknown instrument is removed', async () => {
        const before = await store.catalog.list();
        await store.catalog.remove(instrumentOf('NONE-USD').instrument);
        expect(await store.catalog.list()).toEqual(before);
      });
    });

    describe('operations records', () => {
      it('returns supervision events newest first, of one path or all', async () => {
        for (const attempt of [1, 2]) store.records.recordSupervisionEvent(eventOf('/a', attempt));
        store.records.recordSupervisionEvent(eventOf('/b', 3));
        const ofPath = await store.records.readSupervisionEvents({ path: '/a', limit: 10 });
        expect(ofPath).toEqual([eventOf('/a', 2), eventOf('/a', 1)]);
        const all = await store.records.readSupervisionEvents({ path: undefined, limit: 2 });
        expect(all).toEqual([eventOf('/b', 3), eventOf('/a', 2)]);
      });

      it('returns supervision events of some kinds, and from a time on', async () => {
        const at = (kind: string, attempt: number): SupervisionEvent => ({ ...eventOf('/k', attempt), kind });
        const events = [at('restarted', 10), at('parked', 11), at('unparked', 12), at('restarted', 13)];
        for (const event of events) store.records.recordSupervisionEvent(event);
        const read = async (query: { kinds?: readonly string[]; sinceMs?: number }): Promise<number[]> => {
          const found = await store.records.readSupervisionEvents({ path: '/k', limit: 10, ...query });
          return found.map(({ attempt }) => attempt);
        };
        expect(await read({})).toEqual([13, 12, 11, 10]);
        expect(await read({ kinds: ['restarted'] })).toEqual([13, 10]);
        expect(await read({ kinds: ['parked', 'unparked'] })).toEqual([12, 11]);
        expect(await read({ kinds: [] })).toEqual([]);
        expect(await read({ sinceMs: events[2]!.timeMs })).toEqual([13, 12]);
        expect(await read({ kinds: ['restarted', 'parked'], sinceMs: events[1]!.timeMs })).toEqual([13, 11]);
      });

      it('returns dead letters with their raw text, hostile as it may be, and cuts long ones', async () => {
        const hostile = `'; DROP TABLE x; -- \u{1F4A5} {"a":1}`;
        store.records.recordDeadLetter({ ...letterOf('okx', 'bad-frame', hostile), symbol: 'BTC-USDT' });
        store.records.recordDeadLetter(letterOf('okx', 'bad-frame', 'x'.repeat(100_000)));
        const letters = await store.records.readDeadLetters({ exchange: 'okx', limit: 10 });
        expect(letters.map(({ text }) => text.length)).toEqual([2_000, hostile.length]);
        expect(letters[1]).toEqual({ ...letterOf('okx', 'bad-frame', hostile), symbol: 'BTC-USDT' });
      });

      it('takes bytes that are no text', async () => {
        store.records.recordDeadLetter(letterOf('gate', 'bad-frame', 'a\0b'));
        expect(await store.records.readDeadLetters({ exchange: 'gate', limit: 1 })).toHaveLength(1);
      });

      it('counts dead letters by exchange and reason', async () => {
        for (let count = 0; count < 5; count++)
          store.records.recordDeadLetter(letterOf('bybit', 'bad-level', ''));
        store.records.recordDeadLetter(letterOf('bybit', 'poison', ''));
        const counts = await store.records.countDeadLetters();
        expect(counts.filter(({ exchange }) => exchange === 'bybit')).toEqual([
          { exchange: 'bybit', reason: 'bad-level', count: 5 },
          { exchange: 'bybit', reason: 'poison', count: 1 },
        ]);
      });

      it('returns gaps newest first, of one exchange, one instrument or all', async () => {
        const first = gapOf('kraken:BTC-USD');
        const second = gapOf('kraken:ETH-USD', {
          channel: 'trades',
          reason: `disconnected: a\u{1F4A5}'`,
          repair: 'incomplete',
          tradesRefetched: 12,
        });
        const third = gapOf('okx:BTC-USDT');
        for (const gap of [first, second, third]) store.records.recordFeedGap(gap);
        expect(await store.records.readFeedGaps({ instrument: undefined, limit: 2 })).toEqual([
          third,
          second,
        ]);
        expect(
          await store.records.readFeedGaps({ exchange: 'kraken', instrument: undefined, limit: 10 }),
        ).toEqual([second, first]);
        expect(await store.records.readFeedGaps({ instrument: 'kraken:BTC-USD', limit: 10 })).toEqual([
          first,
        ]);
      });

      it('returns what was changed by whom newest first, of one requester or from a time on', async () => {
        const entryOf = (who: string, timeMs: number): AuditEntry => ({
          timeMs,
          who,
          address: '192.0.2.7',
          method: 'POST',
          path: '/v1/instruments',
          body: `{"symbol":"a\u{1F4A5}'"}`,
          status: 201,
        });
        const entries = [entryOf('alice', 1_000), entryOf('bob', 2_000), entryOf('alice', 3_000)];
        for (const entry of entries) store.records.recordAudit(entry);
        const read = (who?: string, sinceMs?: number, limit = 10) =>
          store.records.readAudit({ who, sinceMs, limit });
        expect(await read()).toEqual(entries.toReversed());
        expect(await read('alice')).toEqual([entries[2], entries[0]]);
        expect(await read(undefined, 2_000)).toEqual([entries[2], entries[1]]);
        expect(await read(undefined, undefined, 1)).toEqual([entries[2]]);
        store.records.recordAudit({ ...entryOf('carol', 4_000), body: 'a\0b' });
        expect((await read('carol'))[0]!.body).toMatch(/^a[\0\uFFFD]b$/);
      });

      it('counts gaps by exchange, channel, cause and repair', () => {
        for (let count = 0; count < 3; count++) store.records.recordFeedGap(gapOf('htx:BTC-USDT'));
        store.records.recordFeedGap(gapOf('htx:ETH-USDT', { channel: 'trades', repair: 'refetched' }));
        const causes = ['checksum mismatch: expected 1, was 2', 'what nobody thought of'];
        for (const reason of causes)
          store.records.recordFeedGap({ ...gapOf('okex:BTC-USDT'), reason, exchange: 'okex' });
        expect(
          store.records
            .countFeedGaps()
            .flatMap(({ exchange, cause }) => (exchange === 'okex' ? [cause] : [])),
        ).toEqual(['checksum mismatch', 'other']);
        expect(store.records.countFeedGaps().filter(({ exchange }) => exchange === 'htx')).toEqual([
          { exchange: 'htx', channel: 'book', cause: 'sequence gap', repair: 'snapshot', count: 3 },
          { exchange: 'htx', channel: 'trades', cause: 'sequence gap', repair: 'refetched', count: 1 },
        ]);
      });

      it('counts every dead letter, though it keeps only the newest', async () => {
        for (let count = 0; count < 2_500; count++) {
          store.records.recordDeadLetter(letterOf('kucoin', 'bad-frame', String(count)));
        }
        const [newest] = await store.records.readDeadLetters({ exchange: 'kucoin', limit: 1 });
        expect(newest?.text).toBe('2499');
        const counts = await store.records.countDeadLetters();
        expect(counts.find(({ exchange }) => exchange === 'kucoin')?.count).toBe(2_500);
      });
    });
  });
}
