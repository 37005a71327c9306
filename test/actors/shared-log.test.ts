/** A symbol actor whose log is one that others write and read: it takes what follows on its place, and shows nothing before it has caught up. */
import { describe, expect, it } from 'vitest';
import type { FeedReply, LoggedPlace, SymbolMessage } from '../../src/actors/symbol-protocol.ts';
import { sourceUnderLease } from '../../src/market/book-sources.ts';
import { restartWithBackoff } from '../../src/supervision/strategy.ts';
import { MemoryJournalStorage } from '../../src/persistence/memory-journal.ts';
import { settle } from '../support/fake-clock.ts';
import { bookSnapshot, timesAt, trade } from '../support/market-events.ts';
import { createActors, instrumentOf } from './support.ts';

const DUE = { type: 'PublishDue', book: true, ticker: true, candles: true, refresh: false } as const;

async function openSymbol(storage = new MemoryJournalStorage()) {
  const actors = await createActors({}, storage);
  const { system, time } = actors;
  const begun: { place: number; life: number; fellBack: boolean }[] = [];
  const saved: number[] = [];
  const replies: FeedReply[] = [];
  const feed = system.spawn<FeedReply, object>(system.root, {
    name: 'shard-of-test',
    strategy: restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0 }),
    initialState: () => ({}),
    receive: (state, message) => {
      replies.push(message);
      return state;
    },
  });
  const { ref: symbol } = actors.spawn('BTC-USD', {
    sharedLog: { onSaved: (place) => saved.push(place) },
    onReady: (_instrument, place, life, fellBack) => begun.push({ place, life, fellBack }),
  });
  await settle();
  const life = (): number => begun.at(-1)!.life;
  return {
    ...actors,
    symbol,
    begun,
    saved,
    life,
    /** Places up to which it has said that it has the log. */
    accepted: () => replies.flatMap((reply) => (reply.type === 'BatchAccepted' ? [reply.batchNumber] : [])),
    deliver: async (ordinal: number, logged: Partial<LoggedPlace>, source = 's'): Promise<void> => {
      const times = timesAt(time.nowMs());
      const event = ordinal === 1 ? bookSnapshot(times) : trade({ ...times, tradeId: String(ordinal) });
      system.send(symbol, {
        type: 'Deliver',
        batch: { source, firstOrdinal: ordinal, events: [event] },
        feed,
        logged: { life: life(), after: ordinal - 1, to: ordinal, ...logged },
      });
      await settle();
    },
    say: async (message: SymbolMessage): Promise<void> => {
      system.send(symbol, message);
      await settle();
    },
    position: async (): Promise<number> => (await actors.view(symbol)).position,
  };
}

describe('a symbol actor that stands in a shared log', () => {
  it('takes the delivery that follows on its place, and no other', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.deliver(3, {});
    expect(await world.position()).toBe(1);
    expect(world.accepted()).toEqual([1]);
    await world.deliver(2, {});
    await world.deliver(3, {});
    expect(await world.position()).toBe(3);
    expect(world.accepted()).toEqual([1, 2, 3]);
  });

  it.each(['bit flip', 'torn', 'unknown schema'] as const)(
    'says in each life whether a newer state could not be read: %s',
    async (kind) => {
      const storage = new MemoryJournalStorage();
      const world = await openSymbol(storage);
      for (const ordinal of [1, 2]) {
        await world.deliver(ordinal, {});
        await world.say({ type: 'CheckpointDue' });
      }
      expect(world.saved).toEqual([1, 2]);
      const begunAgain = async () => {
        await world.system.restart(world.symbol, 'test');
        await world.time.advance(200);
        return world.begun.at(-1);
      };
      expect(await begunAgain()).toMatchObject({ place: 2, fellBack: false });
      storage.damage('state', instrumentOf('BTC-USD').instrument, 2, kind);
      expect(await begunAgain()).toMatchObject({ place: 1, fellBack: true });
      await world.deliver(2, {});
      await world.deliver(3, {});
      await world.say({ type: 'CheckpointDue' });
      expect(await begunAgain()).toMatchObject({ place: 3, fellBack: false });
    },
  );

  it('acknowledges once more what it has', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.deliver(1, {});
    expect(await world.position()).toBe(1);
    expect(world.accepted()).toEqual([1, 1]);
  });

  it('takes nothing that was meant for the life before, though it follows on its place', async () => {
    const world = await openSymbol();
    const [first] = world.begun;
    // A part of a record: it leaves the place as it is.
    await world.deliver(1, { after: 0, to: 0 });
    await world.system.restart(world.symbol, 'test');
    await world.time.advance(200);
    expect(world.begun).toHaveLength(2);
    await world.deliver(2, { life: first!.life, after: 0, to: 1 });
    expect(await world.position()).toBe(0);
    await world.deliver(1, { after: 0, to: 0 });
    await world.deliver(2, { after: 0, to: 1 });
    expect(await world.position()).toBe(2);
  });

  it('shows a book as stale whose log has lost what follows, whatever does follow but a whole one', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.say({ type: 'CaughtUp', life: world.life(), isWhole: true });
    const shown = async () => {
      const { status, reason } = await world.view(world.symbol);
      return [status, reason];
    };
    expect(await shown()).toEqual(['live', '']);
    const torn = { type: 'LogTorn', reason: 'the log was kept for too short a time' } as const;
    await world.say(torn);
    expect(await shown()).toEqual(['stale', torn.reason]);
    await world.deliver(2, { after: 1, to: 9 });
    expect(await shown()).toEqual(['stale', torn.reason]);
    expect(await world.position()).toBe(3);
  });

  it('shows no book of a second feed in place of the one whose log was torn: it has the same hole', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.deliver(1, { after: 1, to: 2 }, sourceUnderLease(2, 's', 1));
    await world.say({ type: 'CaughtUp', life: world.life(), isWhole: true });
    const shown = async () => (await world.view(world.symbol)).status;
    expect(await shown()).toBe('live');
    await world.say({ type: 'LogTorn', reason: 'the log was kept for too short a time' });
    expect(await shown()).toBe('stale');
    await world.deliver(2, { after: 2, to: 3 }, sourceUnderLease(2, 's', 1));
    expect(await shown()).toBe('stale');
  });

  it('publishes nothing before it has caught up, and then shows its book as live', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.say(DUE);
    expect(world.publications).toEqual([]);
    await world.say({ type: 'CaughtUp', life: world.life(), isWhole: true });
    await world.say(DUE);
    expect(world.shown.at(-1)).toMatchObject({ status: 'live' });
    expect(world.publications.length).toBeGreaterThan(0);
  });

  it('is not caught up by what was said to the life before', async () => {
    const world = await openSymbol();
    const [first] = world.begun;
    await world.deliver(1, {});
    await world.system.restart(world.symbol, 'test');
    await world.time.advance(200);
    await world.say({ type: 'CaughtUp', life: first!.life, isWhole: true });
    await world.say(DUE);
    expect(world.publications).toEqual([]);
  });

  it('shows a book as stale whose feed is silent, until something new has come', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.say({ type: 'FeedSilent', reason: 'nothing was heard' });
    await world.say({ type: 'CaughtUp', life: world.life(), isWhole: true });
    await world.say(DUE);
    expect(world.shown.at(-1)).toMatchObject({ status: 'stale', reason: 'nothing was heard' });
    await world.deliver(2, {});
    await world.say({ type: 'FeedSilent', reason: 'nothing was heard' });
    await world.deliver(3, {});
    expect((await world.view(world.symbol)).status).toBe('live');
  });

  it('says up to where its log is in a snapshot', async () => {
    const world = await openSymbol();
    await world.deliver(1, {});
    await world.deliver(2, {});
    await world.say({ type: 'CheckpointDue' });
    expect(world.saved).toEqual([2]);
  });
});
