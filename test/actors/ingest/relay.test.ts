import { describe, expect, it } from 'vitest';
import { LogOutlet } from '../../../src/actors/ingest/log-outlet.ts';
import type { RelayMessage } from '../../../src/actors/ingest/relay.ts';
import { relayActor } from '../../../src/actors/ingest/relay.ts';
import type { EventLogWriterEvents } from '../../../src/actors/event-log.ts';
import type { ActorRef } from '../../../src/actors/kernel/actor-types.ts';
import type { FeedReply } from '../../../src/actors/symbol-protocol.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import type { EventBatch } from '../../../src/market/events.ts';
import type { KnownTrades } from '../../../src/market/instrument-state.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import { restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { settle } from '../../support/fake-clock.ts';
import { bookSnapshot, trade } from '../../support/market-events.ts';
import { createTestSystem } from '../kernel/support.ts';
import { wantedInstrument } from '../shards/shard-world.ts';

const instrument = wantedInstrument('BTC');

/** Of the lease that relays here feed under. In the log each source has it before its name. */
const LEASE_EPOCH = 7;
const IN_LOG = `${LEASE_EPOCH}!`;

/** A writer whose room, durability and end are in the hands of a test, which know sources by the names that feeds give them. */
class ScriptedWriter {
  readonly taken: EventBatch[] = [];
  hasRoom = true;
  isClosed = false;
  readonly events: EventLogWriterEvents;
  readonly queue = { queue: 'scripted', depth: 0, limit: 1, fullCount: 0 };
  tooLargeFrom = Infinity;

  constructor(events: EventLogWriterEvents) {
    this.events = events;
  }

  offer(_instrument: InstrumentKey, batch: EventBatch): boolean {
    if (batch.events.length >= this.tooLargeFrom) throw new TampinesError('RECORD_TOO_LARGE', 'too large');
    expect(batch.source.startsWith(IN_LOG)).toBe(true);
    if (this.hasRoom) this.taken.push({ ...batch, source: batch.source.slice(IN_LOG.length) });
    return this.hasRoom;
  }

  durable({ source, firstOrdinal, events }: EventBatch): void {
    const lastOrdinal = firstOrdinal + events.length - 1;
    this.events.onDurable({
      instrument: instrument.instrument,
      source: `${IN_LOG}${source}`,
      lastOrdinal,
      partition: 0,
      offset: 0,
    });
  }

  fail(): void {
    this.events.onFailed(new TampinesError('SERVICE_UNAVAILABLE', 'the producer is of no use'));
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

async function openRelay(known: () => Promise<KnownTrades | undefined> = () => Promise.resolve(undefined)) {
  const test = createTestSystem();
  const { system, time } = test;
  const writers: ScriptedWriter[] = [];
  const outlet = new LogOutlet({
    openWriter: (events) => {
      const writer = new ScriptedWriter(events);
      writers.push(writer);
      return Promise.resolve(writer);
    },
    timers: time,
    random: createSeededRandom(1),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  outlet.start();
  await settle();
  const lease = { isHeld: true };
  const relay: ActorRef<RelayMessage> = system.spawn(
    system.root,
    relayActor({
      instrument,
      outlet,
      lease: () => (lease.isHeld ? { epoch: LEASE_EPOCH, replica: 0 } : undefined),
      readKnownTrades: known,
    }),
  );
  const replies: FeedReply[] = [];
  const feed: ActorRef<FeedReply> = system.spawn<FeedReply, object>(system.root, {
    name: 'feed',
    strategy: restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0 }),
    initialState: () => ({}),
    receive: (state, message) => {
      replies.push(message);
      return state;
    },
  });
  await settle();
  return {
    test,
    outlet,
    writers,
    lease,
    relay,
    feed,
    replies,
    get writer(): ScriptedWriter {
      return writers.at(-1)!;
    },
    deliver: async (batch: EventBatch): Promise<void> => {
      system.send(relay, { type: 'Deliver', batch, feed });
      await settle();
    },
    /** Ordinals up to which the feed was told that all is durable, in order. */
    get acknowledged(): number[] {
      return replies.flatMap((reply) => (reply.type === 'BatchAccepted' ? [reply.lastOrdinal] : []));
    },
  };
}

function batchOf(firstOrdinal: number, count = 1, source = 's'): EventBatch {
  return {
    source,
    firstOrdinal,
    events: Array.from({ length: count }, (_, index) => trade({ tradeId: String(firstOrdinal + index) })),
  };
}

describe('a relay', () => {
  it('acknowledges a batch when it is durable, and not before', async () => {
    const world = await openRelay();
    const batch = batchOf(1, 3);
    await world.deliver(batch);
    expect(world.writer.taken).toEqual([batch]);
    expect(world.acknowledged).toEqual([]);
    world.writer.durable(batch);
    await settle();
    expect(world.acknowledged).toEqual([3]);
  });

  it('writes once what a feed sends again while it is on its way, and acknowledges once more what is durable', async () => {
    const world = await openRelay();
    const batch = batchOf(1, 3);
    await world.deliver(batch);
    await world.deliver(batch);
    expect(world.writer.taken).toHaveLength(1);
    world.writer.durable(batch);
    await settle();
    await world.deliver(batch);
    expect(world.writer.taken).toHaveLength(1);
    expect(world.acknowledged).toEqual([3, 3]);
  });

  it('has its feeds send again what another writer had not made durable, and writes it with that one', async () => {
    const world = await openRelay();
    await world.deliver(batchOf(1));
    world.writer.durable(batchOf(1));
    await settle();
    await world.deliver(batchOf(2));
    const [old] = world.writers;
    old!.fail();
    expect(old!.isClosed).toBe(true);
    expect(world.outlet.isOpen).toBe(false);
    await world.test.time.advance(1_000);
    expect(world.replies.at(-1)).toMatchObject({
      type: 'SymbolRecovered',
      isTransient: true,
      batch: undefined,
    });
    await world.deliver(batchOf(2));
    expect(world.writers).toHaveLength(2);
    expect(world.writer.taken).toEqual([batchOf(2)]);
    // The old one may have got it there all the same.
    old!.durable(batchOf(2));
    await settle();
    expect(world.acknowledged).toEqual([1, 2]);
  });

  it('keeps what there is no room for, in order, and writes it when there is', async () => {
    const world = await openRelay();
    world.writer.hasRoom = false;
    await world.deliver(batchOf(1));
    await world.deliver(batchOf(1));
    await world.deliver(batchOf(7, 1, 'other'));
    expect(world.writer.taken).toEqual([]);
    world.writer.hasRoom = true;
    world.writer.events.onRoom();
    await settle();
    expect(world.writer.taken).toEqual([batchOf(1), batchOf(7, 1, 'other')]);
  });

  it('writes nothing while its lease is not held, and everything in order when it is held again', async () => {
    const world = await openRelay();
    world.lease.isHeld = false;
    await world.deliver(batchOf(1));
    await world.deliver(batchOf(5, 1, 'other'));
    expect(world.writer.taken).toEqual([]);
    world.lease.isHeld = true;
    // Nobody tells of it: the feed grows impatient.
    await world.deliver(batchOf(1));
    expect(world.writer.taken).toEqual([batchOf(1), batchOf(5, 1, 'other')]);
  });

  it('says as its last word that a book is fed no longer, where its lease lets it', async () => {
    for (const isHeld of [true, false]) {
      const world = await openRelay();
      await world.deliver({ source: 's', firstOrdinal: 1, events: [bookSnapshot()] });
      await world.deliver(batchOf(9, 1, 'trades'));
      world.lease.isHeld = isHeld;
      await world.test.system.stop(world.relay);
      const last = world.writer.taken.slice(2);
      if (!isHeld) expect(last).toEqual([]);
      else
        expect(last).toMatchObject([{ source: 's', firstOrdinal: 2, events: [{ status: 'disconnected' }] }]);
    }
  });

  it('tells a feed which batch can not be written at all', async () => {
    const world = await openRelay();
    world.writer.tooLargeFrom = 2;
    await world.deliver(batchOf(1, 2));
    expect(world.replies).toMatchObject([
      { type: 'SymbolRecovered', isTransient: false, batch: { source: 's', firstOrdinal: 1, eventCount: 2 } },
    ]);
    await world.deliver(batchOf(1));
    expect(world.writer.taken).toEqual([batchOf(1)]);
  });

  it('asks for the newest trade until somebody knows it', async () => {
    let answers = 0;
    const known: KnownTrades = { newest: { tradeId: '7', eventTimeMs: 1 }, latestTradeId: '7', timeMs: 1 };
    const world = await openRelay(() =>
      answers++ === 0 ? Promise.reject(new Error('the database is away')) : Promise.resolve(known),
    );
    world.test.system.send(world.relay, { type: 'GetKnownTrades', feed: world.feed });
    world.test.system.send(world.relay, { type: 'GetKnownTrades', feed: world.feed });
    await settle();
    expect(answers).toBe(1);
    await world.test.time.advance(1_000);
    expect(world.replies).toEqual([{ type: 'KnownTrades', instrument: instrument.instrument, known }]);
  });
});

describe('the outlet into the log', () => {
  it('opens a writer again and again until there is one, and none after it was closed', async () => {
    const { time } = createTestSystem();
    let tries = 0;
    const outlet = new LogOutlet({
      openWriter: () => {
        tries++;
        return Promise.reject(new Error('no broker answers'));
      },
      timers: time,
      random: createSeededRandom(1),
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    });
    outlet.start();
    await time.advance(5_000);
    expect(tries).toBeGreaterThan(2);
    expect(outlet.trouble).toContain('no broker answers');
    expect(outlet.offer(instrument.instrument, batchOf(1))).toBe(false);
    await outlet.close(0);
    const triesBefore = tries;
    await time.advance(60_000);
    expect(tries).toBe(triesBefore);
  });
});
