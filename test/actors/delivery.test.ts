import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_MAX_EVENTS, InstrumentDelivery } from '../../src/actors/delivery.ts';
import type { EventBatch, MarketEvent } from '../../src/market/events.ts';

function heartbeat(timeMs: number): MarketEvent {
  return { type: 'Heartbeat', eventTimeMs: timeMs, receiveTimeMs: timeMs };
}

function delta(timeMs: number): MarketEvent {
  return {
    type: 'BookDelta',
    eventTimeMs: timeMs,
    receiveTimeMs: timeMs,
    scales: { price: 0, quantity: 0 },
    bids: [timeMs, 1],
    asks: [],
    sequence: timeMs,
    checksum: undefined,
  };
}

function createDelivery() {
  const sent: EventBatch[] = [];
  const poison: { event: MarketEvent; cause: string }[] = [];
  let isTaking = true;
  const delivery = new InstrumentDelivery({
    source: 'test',
    send: (batch) => {
      sent.push(batch);
      return isTaking;
    },
    onPoison: (event, cause) => poison.push({ event, cause }),
  });
  const push = (event: MarketEvent): void => {
    delivery.push(event);
    delivery.flush();
  };
  const last = (): EventBatch => sent.at(-1)!;
  const acknowledgeLast = (): void => delivery.acknowledge(last().firstOrdinal + last().events.length - 1);
  /** The actor failed on the batch sent last, or on another one. */
  const fail = (cause: string, { firstOrdinal, events, source } = last()): void =>
    delivery.redeliver({
      cause,
      batch: { source, firstOrdinal, eventCount: events.length },
      isTransient: false,
    });
  /** The actor failed on the batch sent last, for which the world is to blame. */
  const failTransiently = (cause: string, { firstOrdinal, events, source } = last()): void =>
    delivery.redeliver({
      cause,
      batch: { source, firstOrdinal, eventCount: events.length },
      isTransient: true,
    });
  const setTaking = (value: boolean): void => {
    isTaking = value;
  };
  return { delivery, push, sent, poison, last, acknowledgeLast, fail, failTransiently, setTaking };
}

describe('delivery to a symbol actor', () => {
  it('keeps one batch in flight and lets what comes meanwhile grow the next one', () => {
    const { push, sent, acknowledgeLast } = createDelivery();
    for (let timeMs = 1; timeMs <= 10; timeMs++) push(heartbeat(timeMs));
    expect(sent.map((batch) => batch.events.length)).toEqual([1]);
    acknowledgeLast();
    expect(sent.map((batch) => [batch.firstOrdinal, batch.events.length])).toEqual([
      [1, 1],
      [2, 9],
    ]);
  });

  it('cuts batches at the limit of events', () => {
    const { push, sent, acknowledgeLast } = createDelivery();
    for (let timeMs = 0; timeMs <= BATCH_MAX_EVENTS + 5; timeMs++) push(heartbeat(timeMs));
    acknowledgeLast();
    acknowledgeLast();
    expect(sent.map((batch) => batch.events.length)).toEqual([1, BATCH_MAX_EVENTS, 5]);
  });

  it('sends a failed batch again event by event under the same ordinals, then grows batches again', () => {
    const { push, sent, acknowledgeLast, fail } = createDelivery();
    for (let timeMs = 1; timeMs <= 4; timeMs++) push(heartbeat(timeMs));
    acknowledgeLast();
    push(heartbeat(5));
    push(heartbeat(6));
    fail('boom');
    acknowledgeLast();
    acknowledgeLast();
    acknowledgeLast();
    expect(sent.slice(1).map((batch) => [batch.firstOrdinal, batch.events.length])).toEqual([
      [2, 3],
      [2, 1],
      [3, 1],
      [4, 1],
      [5, 2],
    ]);
  });

  it('gives an event up as poison when it failed twice alone, and goes on after it', () => {
    const { push, sent, poison, last, fail } = createDelivery();
    push(heartbeat(1));
    push(heartbeat(2));
    fail('boom');
    fail('boom again');
    expect(poison).toEqual([{ event: heartbeat(1), cause: 'boom again' }]);
    expect(sent).toHaveLength(3);
    expect([last().firstOrdinal, last().events]).toEqual([2, [heartbeat(2)]]);
  });

  it('never blames an event for a transient failure', () => {
    const { push, sent, poison, failTransiently } = createDelivery();
    push(heartbeat(1));
    for (let attempt = 0; attempt < 10; attempt++) failTransiently('commit lost');
    expect(poison).toEqual([]);
    expect(sent).toHaveLength(11);
  });

  it('drops waiting book events and keeps everything else', () => {
    const { delivery, push, last, acknowledgeLast } = createDelivery();
    for (const event of [heartbeat(1), delta(2), heartbeat(3), delta(4)]) push(event);
    expect(delivery.dropPendingBookEvents()).toBe(2);
    acknowledgeLast();
    expect(last().events).toEqual([heartbeat(3)]);
  });

  it('keeps the places of events that were sent before when it drops book events', () => {
    const { delivery, push, sent, fail, acknowledgeLast } = createDelivery();
    push(heartbeat(1));
    for (const event of [delta(2), heartbeat(3), delta(4)]) push(event);
    acknowledgeLast();
    fail('boom');
    for (const event of [delta(5), heartbeat(6)]) push(event);
    expect(delivery.dropPendingBookEvents()).toBe(1);
    for (let count = 0; count < 4; count++) acknowledgeLast();
    expect(sent.slice(2).map((batch) => [batch.firstOrdinal, batch.events])).toEqual([
      [2, [delta(2)]],
      [3, [heartbeat(3)]],
      [4, [delta(4)]],
      [5, [heartbeat(6)]],
    ]);
  });

  it('puts `stale` in the place of a book event that it gives up, under the same ordinal', () => {
    const { push, poison, last, fail, acknowledgeLast } = createDelivery();
    push(delta(1));
    push(delta(2));
    fail('boom');
    fail('boom');
    expect(poison).toEqual([{ event: delta(1), cause: 'boom' }]);
    expect(last()).toMatchObject({ firstOrdinal: 1, events: [{ type: 'FeedStatus', status: 'stale' }] });
    acknowledgeLast();
    expect(last()).toMatchObject({ firstOrdinal: 2, events: [delta(2)] });
  });

  it('never gives up a status, for it may say that there is a hole before the next delta', () => {
    const { push, poison, last, fail, acknowledgeLast } = createDelivery();
    push(delta(1));
    push(delta(2));
    for (let failures = 0; failures < 10; failures++) fail('boom');
    expect(poison).toEqual([{ event: delta(1), cause: 'boom' }]);
    expect(last()).toMatchObject({ firstOrdinal: 1, events: [{ type: 'FeedStatus', status: 'stale' }] });
    acknowledgeLast();
    expect(last()).toMatchObject({ firstOrdinal: 2, events: [delta(2)] });
  });

  it('does not blame an event for what its actor failed on before it', () => {
    const { push, poison, sent, last, fail, acknowledgeLast } = createDelivery();
    push(heartbeat(1));
    push(heartbeat(2));
    push(heartbeat(3));
    acknowledgeLast();
    const whole = last();
    fail('boom', whole);
    // Older copies of the whole batch that still lay in the mailbox fail as well.
    for (let copy = 0; copy < 5; copy++) fail('boom', whole);
    expect(poison).toEqual([]);
    expect(sent.at(-1)).toMatchObject({ firstOrdinal: 2, events: [heartbeat(2)] });
  });

  it('offers a refused batch again and drops what waits for an actor that takes nothing', () => {
    const { delivery, push, sent, last, setTaking, acknowledgeLast } = createDelivery();
    const stale = { ...heartbeat(9), type: 'FeedStatus', status: 'stale', reason: 'away' } as const;
    setTaking(false);
    for (const event of [heartbeat(1), heartbeat(2), delta(3)]) push(event);
    expect([delivery.isRefused, sent.length]).toEqual([true, 1]);
    expect(delivery.dropPending(stale)).toBe(2);
    setTaking(true);
    delivery.retry();
    expect([delivery.isRefused, sent.length]).toEqual([false, 2]);
    acknowledgeLast();
    expect(last()).toMatchObject({ firstOrdinal: 2, events: [stale] });
  });

  it('sends again what was not acknowledged from one retry to the next', () => {
    const { delivery, push, sent } = createDelivery();
    push(heartbeat(1));
    delivery.retry();
    expect(sent).toHaveLength(1);
    delivery.retry();
    expect(sent).toEqual([sent[0], sent[0]]);
  });

  it('sends the rest behind what is in flight, without waiting, when its feed ends, and no book events among it', () => {
    const { delivery, push, sent } = createDelivery();
    for (const event of [heartbeat(1), delta(2), heartbeat(3), heartbeat(4)]) push(event);
    delivery.sendRest();
    // All comes again, for its actor may fail on it: what follows must not follow on a hole.
    expect(sent.map((batch) => [batch.firstOrdinal, batch.events])).toEqual([
      [1, [heartbeat(1)]],
      [1, [heartbeat(1)]],
      [2, [heartbeat(3), heartbeat(4)]],
      [2, [heartbeat(3)]],
      [3, [heartbeat(4)]],
    ]);
  });

  it('sends a batch that was refused as a whole when its feed ends, and no single event while it is refused', () => {
    const { delivery, push, sent, setTaking } = createDelivery();
    setTaking(false);
    push(heartbeat(1));
    delivery.push(heartbeat(2));
    delivery.sendRest();
    const batches = [[heartbeat(1)], [heartbeat(1)], [heartbeat(2)]];
    expect(sent.map(({ events }) => events)).toEqual(batches);
  });

  it('sends no single event more after one was refused when its feed ends: batches get what room there is', () => {
    const sent: EventBatch[] = [];
    const delivery = new InstrumentDelivery({
      source: 'test',
      send: (batch) => {
        sent.push(batch);
        return sent.length !== 4;
      },
      onPoison: () => undefined,
    });
    const events = Array.from({ length: 2 * BATCH_MAX_EVENTS }, (_, index) => heartbeat(index));
    for (const event of events) delivery.push(event);
    delivery.sendRest();
    expect(sent.map((batch) => batch.events.length)).toEqual([BATCH_MAX_EVENTS, 1, 1, 1, BATCH_MAX_EVENTS]);
  });

  it('loses nothing but the poison when its feed ends, wherever that stands, and lets no book event follow on a hole', () => {
    const kinds = fc.array(fc.constantFrom('heartbeat', 'delta'), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(kinds, fc.nat(), fc.nat(), (wanted, inFlight, poisoned) => {
        const { delivery, sent } = createDelivery();
        const events = wanted.map((kind, index) => (kind === 'delta' ? delta(index) : heartbeat(index)));
        const inFlightCount = 1 + (inFlight % events.length);
        for (const event of events.slice(0, inFlightCount)) delivery.push(event);
        delivery.flush();
        for (const event of events.slice(inFlightCount)) delivery.push(event);
        delivery.sendRest();

        const poison = events[poisoned % events.length]!;
        const taken: MarketEvent[] = [];
        let ordinal = 0;
        for (const batch of sent) {
          if (batch.events.includes(poison)) continue;
          for (const [index, event] of batch.events.entries()) {
            if (batch.firstOrdinal + index <= ordinal) continue;
            ordinal = batch.firstOrdinal + index;
            taken.push(event);
          }
        }
        const isHeartbeat = ({ type }: MarketEvent): boolean => type === 'Heartbeat';
        expect(taken.filter(isHeartbeat)).toEqual(events.filter((e) => isHeartbeat(e) && e !== poison));
        const hasFailed = events.indexOf(poison) < inFlightCount;
        const books = taken.filter(({ type }) => type === 'BookDelta');
        expect(books).toEqual(hasFailed ? [] : events.slice(0, inFlightCount).filter((e) => !isHeartbeat(e)));
      }),
      { seed: 20_261_128, numRuns: 500 },
    );
  });

  it('delivers every event at least once and in order, whatever fails in between', () => {
    const steps = fc.array(
      fc.constantFrom('push', 'acknowledge', 'fail', 'failTransient', 'acknowledgeLate'),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (moves) => {
        const { delivery, push, sent, poison, last, fail, failTransiently } = createDelivery();
        let pushed = 0;
        let durableOrdinal = 0;
        const durable: number[] = [];
        const accept = (batch: EventBatch): void => {
          for (const [index, event] of batch.events.entries()) {
            const ordinal = batch.firstOrdinal + index;
            if (ordinal <= durableOrdinal) continue;
            durable.push(event.eventTimeMs);
            durableOrdinal = ordinal;
          }
        };
        for (const move of moves) {
          if (move === 'push') push(heartbeat(++pushed));
          else if (delivery.isIdle) continue;
          else if (move === 'acknowledge') {
            accept(last());
            delivery.acknowledge(durableOrdinal);
          } else if (move === 'acknowledgeLate') {
            // Durable, but the actor failed before it could say so.
            accept(last());
            failTransiently('crash after commit');
          } else if (move === 'failTransient') failTransiently('boom');
          else fail('boom');
        }
        while (!delivery.isIdle) {
          accept(last());
          delivery.acknowledge(durableOrdinal);
        }
        const givenUp = poison.map(({ event }) => event.eventTimeMs);
        expect(
          [...durable, ...givenUp.filter((timeMs) => !durable.includes(timeMs))].sort((a, b) => a - b),
        ).toEqual(Array.from({ length: pushed }, (_, index) => index + 1));
        expect(durable).toEqual([...durable].sort((a, b) => a - b));
        expect(sent.length).toBeGreaterThanOrEqual(pushed === 0 ? 0 : 1);
      }),
      { seed: 20261120, numRuns: 500 },
    );
  });
});
