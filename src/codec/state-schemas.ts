/** Released Avro schemas of state snapshots. Never change one: add the next, with defaults for what is new. */
import type { Schema } from 'avsc';
import { readState1, readState2, readState3 } from './state-reader.ts';
import type { ReleasedSchemas } from './versioned-format.ts';
import { INTEGERS_FIELDS, INTEGER_SCHEMA, OPTIONAL_INTEGER_SCHEMA } from './wide-integers.ts';

const long = (name: string): object => ({ name, type: 'long' });
const integer = (name: string): object => ({ name, type: INTEGER_SCHEMA });
const optional = (name: string, type: string): object => ({ name, type: ['null', type] });
const arrayOf = (name: string, items: unknown): object => ({ name, type: { type: 'array', items } });
const record = (name: string, fields: readonly object[]): object => ({ type: 'record', name, fields });

/** A trade id in compact form: a number, else the exchange's text. */
const TRADE_KEY = ['long', 'string'];

const keptCandle = record('KeptCandle', [
  long('openTimeMs'),
  long('revision'),
  integer('open'),
  long('openAtMs'),
  { name: 'openKey', type: TRADE_KEY },
  integer('high'),
  integer('low'),
  integer('close'),
  long('closeAtMs'),
  { name: 'closeKey', type: TRADE_KEY },
  integer('volume'),
  integer('quoteVolume'),
  integer('takerBuyVolume'),
  long('tradeCount'),
]);

const STATE_1_FIELDS = [
  long('position'),
  arrayOf('sources', record('SourcePosition', [{ name: 'source', type: 'string' }, long('lastOrdinal')])),
  {
    name: 'bookStatus',
    type: record('BookStatus', [
      {
        name: 'status',
        type: { type: 'enum', name: 'Sureness', symbols: ['empty', 'live', 'stale'] },
      },
      { name: 'reason', type: 'string' },
      optional('sinceMs', 'long'),
    ]),
  },
  {
    name: 'book',
    type: record('Book', [
      {
        name: 'scales',
        type: record('Scales', [
          { name: 'price', type: 'int' },
          { name: 'quantity', type: 'int' },
        ]),
      },
      optional('depth', 'long'),
      { name: 'bids', type: record('Integers', INTEGERS_FIELDS) },
      { name: 'asks', type: 'Integers' },
    ]),
  },
  {
    name: 'lastBookEvent',
    type: [
      'null',
      record('LastBookEvent', [
        long('eventTimeMs'),
        long('receiveTimeMs'),
        { name: 'sequence', type: OPTIONAL_INTEGER_SCHEMA },
      ]),
    ],
  },
  {
    name: 'trades',
    type: record('TradeIdentities', [
      // As `trade-runs.ts` says.
      { name: 'runs', type: 'bytes' },
      arrayOf('others', 'string'),
    ]),
  },
  {
    name: 'ticker',
    type: record('TickerWindow', [
      { name: 'scales', type: 'Scales' },
      optional('endMs', 'long'),
      integer('volume'),
      integer('quoteVolume'),
      long('tradeCount'),
      {
        name: 'minutes',
        type: record('PackedMinutes', [
          // Minutes since the one before, of the first one since 1970; from its start.
          arrayOf('steps', 'long'),
          { name: 'highs', type: 'Integers' },
          { name: 'lows', type: 'Integers' },
          arrayOf('sizesBytes', 'long'),
          // One after the other, as `src/market/packed-minute.ts` says.
          { name: 'packed', type: 'bytes' },
        ]),
      },
    ]),
  },
  {
    name: 'candles',
    type: record('Candles', [
      { name: 'scales', type: 'Scales' },
      optional('highestTimeMs', 'long'),
      arrayOf(
        'series',
        record('CandleSeries', [
          { name: 'interval', type: 'string' },
          { name: 'carriedClose', type: OPTIONAL_INTEGER_SCHEMA },
          arrayOf('kept', keptCandle),
        ]),
      ),
    ]),
  },
  {
    name: 'metadata',
    type: [
      'null',
      record('Metadata', [
        { name: 'nativeSymbol', type: 'string' },
        optional('tickSize', 'string'),
        optional('lotSize', 'string'),
      ]),
    ],
  },
  {
    name: 'counters',
    type: record(
      'Counters',
      [
        'bookSnapshots',
        'deltasApplied',
        'deltasIgnoredWhileStale',
        'deletesOfUnknownLevel',
        'checksumsOk',
        'checksumsBad',
        'crossedAfterUpdate',
        'tradesLive',
        'tradesHistory',
        'tradesLate',
      ].map(long),
    ),
  },
];

const stateOf = (fields: readonly object[]): Schema =>
  ({
    type: 'record',
    name: 'InstrumentSnapshot',
    namespace: 'tampines',
    fields,
  }) as unknown as Schema;

/** `state-2` knows which sources the book has followed. */
const STATE_2_FIELDS = [
  ...STATE_1_FIELDS,
  { name: 'bookSources', type: { type: 'array', items: 'string' }, default: [] },
];

const FEED_HEARING = record('FeedHearing', [
  optional('lastReceiveMs', 'long'),
  long('silentMs'),
  long('toldMs'),
]);

/** `state-3` has the book of a second feed as well. */
const STATE_3_FIELDS = [
  ...STATE_2_FIELDS,
  {
    name: 'standby',
    type: [
      'null',
      record('StandbyBook', [
        { name: 'source', type: 'string' },
        { name: 'bookStatus', type: 'BookStatus' },
        { name: 'book', type: 'Book' },
        { name: 'lastBookEvent', type: ['null', 'LastBookEvent'] },
        { name: 'heard', type: FEED_HEARING },
        { name: 'followedHeard', type: 'FeedHearing' },
        long('switchCount'),
      ]),
    ],
    default: null,
  },
];

export const STATE_SCHEMAS: ReleasedSchemas = [
  { id: 'state-1', schema: stateOf(STATE_1_FIELDS), read: readState1 },
  { id: 'state-2', schema: stateOf(STATE_2_FIELDS), read: readState2 },
  { id: 'state-3', schema: stateOf(STATE_3_FIELDS), read: readState3 },
];
