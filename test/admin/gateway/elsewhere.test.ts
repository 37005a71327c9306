import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DesiredInstrument } from '../../../src/actors/ports.ts';
import type { AdminServer } from '../../../src/admin/admin-server.ts';
import { createAdminServer } from '../../../src/admin/admin-server.ts';
import {
  toExchangeId,
  toInstrumentKey,
  toNativeSymbol,
  toUnifiedSymbol,
} from '../../../src/market/symbols.ts';
import { bookSnapshot } from '../../support/market-events.ts';
import type { World } from '../support.ts';
import { createWorld, until } from '../support.ts';
import type { StreamClient } from './stream-client.ts';
import { connectStream } from './stream-client.ts';

const [exchange, symbol] = [toExchangeId('binance'), toUnifiedSymbol('ETH-USDT')];
const ETH: DesiredInstrument = {
  instrument: toInstrumentKey(exchange, symbol),
  instrumentId: 2,
  exchange,
  symbol,
  nativeSymbol: toNativeSymbol('ETHUSDT'),
};
const BOOK = `orderbook:${ETH.instrument}:1`;
const VALUE =
  '{"epoch":9,"seq":5,"publishTimeMs":7,"type":"orderbook","status":"live","reason":"","bids":[]}';

describe('channels of an instrument that another node has', () => {
  let world: World;
  let server: AdminServer;
  let client: StreamClient;
  let followed: string[];
  let elsewhereOf: (channel: string) => boolean;
  beforeEach(async () => {
    world = await createWorld();
    followed = [];
    elsewhereOf = () => false;
    const owner = { name: 'b', adminUrl: 'http://127.0.0.1:1' };
    server = await createAdminServer({
      ...world.options,
      cluster: {
        directory: {
          picture: () => Promise.resolve({ nodes: [], shards: [], leases: [] }),
          aliveNodes: () => Promise.resolve([]),
          goneOwners: () => Promise.resolve([]),
          ownerOf: () => Promise.resolve(owner),
          ingestOwnerOf: () => Promise.resolve(owner),
        },
        feed: { isFedHere: () => false, resync: () => undefined },
        elsewhere: {
          find: (name) => (name === ETH.instrument ? ETH : undefined),
          follow: (channel) => void followed.push(channel),
          keep: (isElsewhere) => (elsewhereOf = isElsewhere),
        },
      },
    });
    client = await connectStream(server.url);
  });
  afterEach(async () => {
    client.end();
    await server.close();
    await world.end();
  });

  it('are followed when somebody reads them, and told as their node published them', async () => {
    client.subscribe(BOOK);
    await until(() => followed.includes(BOOK));
    world.channels.hear(BOOK, VALUE, 'latest');
    const { value } = await client.hears(({ type }) => type === 'change');
    expect(value).toMatchObject({ epoch: 9, seq: 5, status: 'live' });
  });

  it('go on from here when the instrument comes to this node', async () => {
    client.subscribe(BOOK);
    await until(() => followed.includes(BOOK));
    await client.hears(({ type }) => type === 'subscribed');
    await until(() => elsewhereOf(BOOK));
    await world.instruments.spawn('binance', 'ETH-USDT');
    await world.deliver(ETH.instrument, [bookSnapshot({ sequence: 1 })]);
    await until(() => world.actorStatus(ETH.instrument) === 'running');
    expect(elsewhereOf(BOOK)).toBe(false);
    const { value } = await client.hears(({ type }) => type === 'change');
    expect(value).toMatchObject({ epoch: 1, status: 'live' });
  });

  it('that go to no Redis are refused, as are those of what runs nowhere', async () => {
    client.subscribe(`trades:${ETH.instrument}`, 'ticker:binance:BTC-USDT');
    const { refused } = await client.hears(({ type }) => type === 'subscribed');
    expect(refused).toMatchObject([
      { channel: `trades:${ETH.instrument}`, code: 'CHANNEL_UNKNOWN' },
      { channel: 'ticker:binance:BTC-USDT', code: 'INSTRUMENT_UNKNOWN' },
    ]);
    expect(followed).toEqual([]);
  });
});
