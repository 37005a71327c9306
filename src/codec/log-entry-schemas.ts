/** Released Avro schemas of journal rows and event batches. Never change one: add the next, with defaults for what is new. */
import type { Schema } from 'avsc';
import type { ReleasedSchemas } from './versioned-format.ts';
import { INTEGERS_FIELDS, INTEGER_SCHEMA, OPTIONAL_INTEGER_SCHEMA } from './wide-integers.ts';

const times = [
  { name: 'eventTimeMs', type: 'long' },
  { name: 'receiveTimeMs', type: 'long' },
];

const scales = [
  { name: 'priceScale', type: 'int' },
  { name: 'quantityScale', type: 'int' },
];

const bookChange = [
  { name: 'bids', type: 'Integers' },
  { name: 'asks', type: 'Integers' },
  { name: 'sequence', type: OPTIONAL_INTEGER_SCHEMA },
  { name: 'checksum', type: ['null', 'long'] },
];

const LOG_ENTRY_1 = {
  type: 'record',
  name: 'LogEntry',
  namespace: 'tampines',
  fields: [
    { name: 'source', type: 'string' },
    { name: 'lastOrdinal', type: 'long' },
    {
      name: 'events',
      type: {
        type: 'array',
        items: [
          {
            type: 'record',
            name: 'BookSnapshot',
            fields: [
              ...times,
              ...scales,
              { name: 'bids', type: { type: 'record', name: 'Integers', fields: INTEGERS_FIELDS } },
              ...bookChange.slice(1),
              { name: 'depth', type: ['null', 'long'] },
            ],
          },
          { type: 'record', name: 'BookDelta', fields: [...times, ...scales, ...bookChange] },
          {
            type: 'record',
            name: 'Trade',
            fields: [
              ...times,
              ...scales,
              { name: 'price', type: INTEGER_SCHEMA },
              { name: 'quantity', type: INTEGER_SCHEMA },
              { name: 'takerBuys', type: 'boolean' },
              { name: 'tradeId', type: 'string' },
              { name: 'isHistory', type: 'boolean' },
            ],
          },
          { type: 'record', name: 'Heartbeat', fields: times },
          {
            type: 'record',
            name: 'FeedStatus',
            fields: [
              ...times,
              {
                name: 'status',
                type: { type: 'enum', name: 'Feed', symbols: ['connected', 'disconnected', 'stale'] },
              },
              { name: 'reason', type: 'string' },
            ],
          },
          {
            type: 'record',
            name: 'Instrument',
            fields: [
              ...times,
              { name: 'nativeSymbol', type: 'string' },
              { name: 'tickSize', type: ['null', 'string'] },
              { name: 'lotSize', type: ['null', 'string'] },
            ],
          },
        ],
      },
    },
  ],
} as unknown as Schema;

export const LOG_ENTRY_SCHEMAS: ReleasedSchemas = [{ id: 'log-1', schema: LOG_ENTRY_1 }];
