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
  const delivery = new InstrumentDelivery({
    source: 'test',
    send: (batch) => sent.push(batch),
    onPoison: (event, cause) => poison.push({ event, cause }),
  });
  const push = (event: MarketEvent): void => {
    delivery.push(event);
    delivery.flush();
  };
  const last = (): EventBatch => sent.at(-1)!;
  const acknowledgeLast = (): void => delivery.acknowledge(last().firstOrdinal + last().events.length - 1);
  return { delivery, push, sent, poison, last, acknowledgeLast };
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
    const { delivery, push, sent, acknowledgeLast } = createDelivery();
    for (let timeMs = 1; timeMs <= 4; timeMs++) push(heartbeat(timeMs));
    acknowledgeLast();
    push(heartbeat(5));
    push(heartbeat(6));
    delivery.redeliver({ cause: 'boom', isTransient: false });
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
    const { delivery, push, sent, poison, last } = createDelivery();
    push(heartbeat(1));
    push(heartbeat(2));
    delivery.redeliver({ cause: 'boom', isTransient: false });
    delivery.redeliver({ cause: 'boom again', isTransient: false });
    expect(poison).toEqual([{ event: heartbeat(1), cause: 'boom again' }]);
    expect(sent).toHaveLength(3);
    expect([last().firstOrdinal, last().events]).toEqual([2, [heartbeat(2)]]);
  });

  it('never blames an event for a transient failure', () => {
    const { delivery, push, sent, poison } = createDelivery();
    push(heartbeat(1));
    for (let attempt = 0; attempt < 10; attempt++)
      delivery.redeliver({ cause: 'commit lost', isTransient: true });
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

  it('delivers every event at least once and in order, whatever fails in between', () => {
    const steps = fc.array(
      fc.constantFrom('push', 'acknowledge', 'fail', 'failTransient', 'acknowledgeLate'),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (moves) => {
        const { delivery, push, sent, poison, last } = createDelivery();
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
            delivery.redeliver({ cause: 'crash after commit', isTransient: true });
          } else delivery.redeliver({ cause: 'boom', isTransient: move === 'failTransient' });
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
