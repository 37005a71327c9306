/** A minute at ten times the rate that can be made durable: what waits stays within its limits, and nothing is missing at the end. */
import { expect, it } from 'vitest';
import { connectionActor } from '../../src/actors/connection.ts';
import type { Journal } from '../../src/actors/ports.ts';
import type { FeedMessage } from '../../src/exchanges/adapter.ts';
import { readFeedQueues } from '../../src/queue-readings.ts';
import { settle } from '../support/fake-clock.ts';
import {
  createActors,
  feedBudget,
  frames,
  holdableJournal,
  instrumentOf,
  openSocket,
  receive,
} from './support.ts';

const { book, delta, trade } = frames;

/** One batch of 512 events in 6 s: 85 events a second can be made durable. */
const APPEND_MS = 6_000;
const SUSTAINABLE_PER_SECOND = 85;
const SYMBOLS = ['BTC-USDT', 'ETH-USDT'];
const MESSAGES_PER_FRAME = 50;
const FRAMES_PER_READ = 4;
const STEP_MS = 250;
const DELTAS_PER_STEP = 12;

it('holds every queue below its limit, and every trade and both books are there at the end', async () => {
  const { journal: inner } = holdableJournal();
  let waitForDisk = (): Promise<void> => Promise.resolve();
  const journal: Journal = Object.assign(Object.create(inner) as Journal, {
    append: async (...parameters: Parameters<Journal['append']>) => {
      await waitForDisk();
      await inner.append(...parameters);
    },
  });
  const actors = await createActors({ journal });
  waitForDisk = () => actors.time.sleep(APPEND_MS);
  const budget = feedBudget({
    maxPendingEvents: 2_000,
    maxPendingBytes: 1_000_000,
    maxPendingTradeBytes: 2_000_000,
    maxPendingNodeBytes: 4_000_000,
  });
  const watched = SYMBOLS.map((symbol) => ({
    type: 'Watch' as const,
    nativeSymbol: instrumentOf(symbol).nativeSymbol,
    channels: ['book', 'trades'] as const,
    instrument: instrumentOf(symbol).instrument,
    target: actors.spawn(symbol).ref,
    metadata: undefined,
  }));
  actors.system.spawn(
    actors.system.root,
    connectionActor(
      actors.connectionOptions({
        watched: () => watched,
        heartbeats: { quietMs: 1_000, turnMs: 1_000 },
        budget,
      }),
    ),
  );
  await openSocket(actors);
  receive(actors, ...watched.map(({ nativeSymbol }) => book(nativeSymbol, 1)));

  // What the exchange could not send yet: its side of the connection.
  let unsent: FeedMessage[] = [];
  let unsentMax = 0;
  const socket = actors.transport.last;
  const send = async (): Promise<void> => {
    let sentCount = 0;
    while (sentCount < unsent.length && !socket.isPaused) {
      // One read from the network; then the loop turns.
      for (let frame = 0; frame < FRAMES_PER_READ; frame++) {
        receive(actors, ...unsent.slice(sentCount, sentCount + MESSAGES_PER_FRAME));
        sentCount += MESSAGES_PER_FRAME;
      }
      await settle(2);
    }
    unsent = unsent.slice(sentCount);
  };
  const depthMax = new Map<string, number>();
  const checkLimits = (): void => {
    for (const { queue, depth, limit } of readFeedQueues(budget)) {
      depthMax.set(queue, Math.max(depthMax.get(queue) ?? 0, depth));
      // What was read last is worked off in one go.
      const underWay = queue === 'feed-instrument-events' ? FRAMES_PER_READ * MESSAGES_PER_FRAME : 0;
      expect(`${queue} ${depth <= limit + underWay}`).toBe(`${queue} true`);
    }
  };

  const tradesPerStep = Math.floor((SUSTAINABLE_PER_SECOND * 10 * STEP_MS) / 1_000) - DELTAS_PER_STEP;
  let sequence = 1;
  let tradeCount = 0;
  for (let step = 0; step < 60_000 / STEP_MS; step++) {
    for (let part = 0; part < DELTAS_PER_STEP; part++) {
      sequence++;
      for (const { nativeSymbol } of watched) unsent.push(delta(nativeSymbol, sequence));
    }
    for (let part = 0; part < tradesPerStep; part++) {
      tradeCount++;
      for (const { nativeSymbol } of watched) unsent.push(trade(nativeSymbol, String(tradeCount)));
    }
    await send();
    await actors.time.advance(STEP_MS);
    unsentMax = Math.max(unsentMax, unsent.length);
    checkLimits();
  }
  expect(unsentMax).toBeGreaterThan(25_000);
  for (let step = 0; step < 12_000 && (unsent.length > 0 || budget.bytes > 0); step++) {
    await send();
    await actors.time.advance(3_000);
    checkLimits();
  }

  expect(budget.fullCounts.pending).toBeGreaterThan(10);
  expect(depthMax.get('feed-instrument-events')).toBeGreaterThan(1_000);
  for (const { target } of watched) {
    const view = await actors.view(target);
    expect(view).toMatchObject({ status: 'live', trades: tradeCount, deltas: sequence - 1 });
  }
});
