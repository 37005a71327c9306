import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ConnectionStatus } from '../../../src/actors/connection-status.ts';
import type { ExchangeMessage } from '../../../src/actors/exchange.ts';
import { groupActor } from '../../../src/actors/group.ts';
import type { IngestPart } from '../../../src/actors/ingest/ingest.ts';
import { Ingest } from '../../../src/actors/ingest/ingest.ts';
import { LogOutlet } from '../../../src/actors/ingest/log-outlet.ts';
import type { ActorRef } from '../../../src/actors/kernel/actor-types.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { shardOf } from '../../../src/market/shards.ts';
import type { NativeSymbol } from '../../../src/market/symbols.ts';
import { restartWithBackoff } from '../../../src/supervision/strategy.ts';
import { settle } from '../../support/fake-clock.ts';
import { createTestSystem } from '../kernel/support.ts';
import { silentLog } from '../support.ts';
import { wantedInstrument } from '../shards/shard-world.ts';

const SLOTS = 3;
const instruments = ['A', 'B', 'C', 'D', 'E'].map(wantedInstrument);
const partOf = (index: number): IngestPart => ({ exchange: 'plain', slot: index % SLOTS, replica: 0 });

function openIngest() {
  const { system, time } = createTestSystem();
  const watched: string[] = [];
  /** As an exchange would be told twice, or told the end of what it was not told. */
  const mistakes: string[] = [];
  const exchange: ActorRef<ExchangeMessage> = system.spawn<ExchangeMessage, object>(system.root, {
    name: 'plain',
    strategy: restartWithBackoff({ initialMs: 100, maxMs: 100, jitter: 0 }),
    initialState: () => ({}),
    receive: (state, message) => {
      if (message.type === 'WatchInstrument') {
        if (watched.includes(message.nativeSymbol)) mistakes.push(`watched twice: ${message.nativeSymbol}`);
        watched.push(message.nativeSymbol);
      } else if (message.type === 'UnwatchInstrument') {
        const index = watched.indexOf(message.nativeSymbol);
        if (index < 0) mistakes.push(`not watched: ${message.nativeSymbol}`);
        else watched.splice(index, 1);
      }
      return state;
    },
  });
  const unsynced: NativeSymbol[] = [];
  const standing: { state: ConnectionStatus['state'] } = { state: 'open' };
  const outlet = new LogOutlet({
    openWriter: () => Promise.reject(new Error('nothing is written here')),
    timers: time,
    random: createSeededRandom(1),
    log: silentLog,
  });
  const ingest = new Ingest({
    system,
    group: system.spawn(system.root, groupActor('ingest')),
    exchanges: new Map([['plain', exchange]]),
    outlet,
    slots: SLOTS,
    isHeld: () => true,
    readKnownTrades: () => Promise.resolve(undefined),
    readConnections: () => Promise.resolve([{ state: standing.state, subscriptions: watched, unsynced }]),
    timers: time,
  });
  const relayCount = (): number => system.tree().filter(({ parentPath }) => parentPath === 'ingest').length;
  return { ingest, watched, unsynced, standing, mistakes, relayCount, time };
}

it('has closed the feeds of a part that it gives up when it says so', async () => {
  const { ingest, watched, relayCount } = openIngest();
  ingest.follow(instruments);
  for (let slot = 0; slot < SLOTS; slot++) ingest.gained({ ...partOf(slot), epoch: 1 });
  await settle();
  expect([watched.length, relayCount()]).toEqual([instruments.length, instruments.length]);
  await Promise.all(Array.from({ length: SLOTS }, (_, slot) => ingest.lost(partOf(slot))));
  // Before anything else is waited for.
  expect([relayCount(), ingest.fedCount]).toEqual([0, 0]);
  await settle();
  expect(watched).toEqual([]);
});

it('opens the feeds of a part that is fed elsewhere still, is ready when their books are sure, and feeds them from the moment that it may', async () => {
  const { ingest, watched, unsynced, standing, relayCount, time } = openIngest();
  const ofPart = instruments.filter(({ instrument }) => shardOf(instrument, SLOTS) === 1);
  ingest.follow(instruments);
  unsynced.push(...ofPart.map(({ nativeSymbol }) => nativeSymbol));
  let isReady = false;
  void ingest.prepare(partOf(1)).then(() => (isReady = true));
  await time.advance(1_000);
  expect(ofPart.length).toBeGreaterThan(0);
  expect([watched.length, relayCount(), ingest.fedCount, isReady]).toEqual([
    ofPart.length,
    ofPart.length,
    0,
    false,
  ]);
  expect([ingest.find(ofPart[0]!.instrument), ingest.replicaOf(ofPart[0]!.instrument)]).toEqual([
    undefined,
    undefined,
  ]);
  unsynced.length = 0;
  // A connection that waits for its turn knows of no book that is not sure.
  standing.state = 'closed';
  await time.advance(200);
  expect(isReady).toBe(false);
  standing.state = 'open';
  await time.advance(200);
  expect([ingest.fedCount, isReady]).toEqual([0, true]);
  ingest.gained({ ...partOf(1), epoch: 3 });
  await settle();
  expect([watched.length, relayCount(), ingest.fedCount]).toEqual([
    ofPart.length,
    ofPart.length,
    ofPart.length,
  ]);
  expect(ingest.replicaOf(ofPart[0]!.instrument)).toBe(0);
});

it('closes what it has opened of a part that it is not to feed after all, and waits for its books no longer', async () => {
  const { ingest, watched, unsynced, relayCount, time } = openIngest();
  ingest.follow(instruments);
  unsynced.push(...instruments.map(({ nativeSymbol }) => nativeSymbol));
  let isOver = false;
  void ingest.prepare(partOf(1)).then(() => (isOver = true));
  await time.advance(500);
  await ingest.lost(partOf(1));
  await time.advance(200);
  expect([watched.length, relayCount(), isOver]).toEqual([0, 0, true]);
});

it('feeds what is wanted of the parts that it holds, each once, in whatever order both change', async () => {
  const step = fc.record({
    kind: fc.constantFrom('wanted', 'gained', 'lost', 'turn'),
    chosen: fc.subarray([0, 1, 2, 3, 4]),
    slot: fc.nat(SLOTS - 1),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { ingest, watched, mistakes } = openIngest();
      let wanted = new Set<number>();
      const held = new Set<number>();
      for (const { kind, chosen, slot } of steps) {
        if (kind === 'wanted') {
          wanted = new Set(chosen);
          ingest.follow(chosen.map((index) => instruments[index]!));
        } else if (kind === 'gained') {
          held.add(slot);
          ingest.gained({ ...partOf(slot), epoch: 1 });
        } else if (kind === 'lost') {
          held.delete(slot);
          void ingest.lost(partOf(slot));
        } else await settle();
      }
      await settle(60);
      const fed = instruments.filter(
        ({ instrument }, index) => wanted.has(index) && held.has(shardOf(instrument, SLOTS)),
      );
      expect([...watched].sort()).toEqual(fed.map(({ nativeSymbol }) => nativeSymbol).sort());
      expect(ingest.fedCount).toBe(fed.length);
      expect(instruments.filter(({ instrument }) => ingest.find(instrument) !== undefined)).toEqual(fed);
      await ingest.stop();
      await settle();
      expect([watched, ingest.fedCount, mistakes]).toEqual([[], 0, []]);
    }),
    { numRuns: 100, seed: 20261128 },
  );
});
