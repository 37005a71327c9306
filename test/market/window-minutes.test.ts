import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toBar } from '../../src/market/candle-bar.ts';
import { WindowMinutes } from '../../src/market/window-minutes.ts';
import { MINUTE_MS } from '../../src/market/ticker-minute.ts';
import { ORIGIN_MS } from '../support/arbitrary-trades.ts';

const RUNS = { seed: 20_261_204, numRuns: 200 };
const SCALES = { price: 2, quantity: 3 };

type Step = { readonly minute: number; readonly price: number } | 'pack' | 'restore' | 'remove first';
/** Far more minutes than are open at once, and often back to some of them. */
const anySteps = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        minute: fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 90 })),
        price: fc.integer({ min: 1, max: 9_000 }),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom('pack' as const, 'restore' as const, 'remove first' as const) },
  ),
  { maxLength: 150, size: 'max' },
);

function add(minutes: WindowMinutes, step: Exclude<Step, string>, tradeId: number): void {
  const startMs = ORIGIN_MS + step.minute * MINUTE_MS;
  const trade = { eventTimeMs: startMs + 1 + (tradeId % 60_000), tradeId: String(tradeId), quantity: 1 };
  minutes.at(startMs).add(toBar({ ...trade, price: step.price, scales: SCALES, takerSide: 'buy' }, SCALES));
}

test('minutes that are packed and opened in whatever order hold what minutes do that never were', () => {
  fc.assert(
    fc.property(anySteps, (steps) => {
      let minutes = new WindowMinutes();
      let kept: { readonly step: Exclude<Step, string>; readonly tradeId: number }[] = [];
      for (const [tradeId, step] of steps.entries()) {
        if (step === 'pack') {
          expect(minutes.pack()).toBe(minutes.pack());
        } else if (step === 'restore') {
          minutes = new WindowMinutes(minutes.pack());
        } else if (step === 'remove first') {
          const first = Math.min(...kept.map(({ step: { minute } }) => minute));
          kept = kept.filter(({ step: { minute } }) => minute !== first);
          minutes.removeFirst();
        } else {
          add(minutes, step, tradeId);
          kept.push({ step, tradeId });
        }
        const places = kept.map(({ step: { minute } }) => minute);
        const prices = kept.map(({ step: { price } }) => price);
        const firstMs = ORIGIN_MS + Math.min(...places) * MINUTE_MS;
        expect(minutes.firstStartMs).toBe(kept.length === 0 ? undefined : firstMs);
        expect(minutes.extremes()).toEqual(
          kept.length === 0 ? undefined : { high: Math.max(...prices), low: Math.min(...prices) },
        );
      }
      const plain = new WindowMinutes();
      for (const { step, tradeId } of kept) add(plain, step, tradeId);
      expect(minutes.first?.seconds).toEqual(plain.first?.seconds);
      expect(minutes.last?.seconds).toEqual(plain.last?.seconds);
      expect(minutes.pack()).toStrictEqual(plain.pack());
    }),
    RUNS,
  );
});

test('what was packed stays as it is when its minutes go on', () => {
  const minutes = new WindowMinutes();
  for (let minute = 0; minute < 40; minute++) add(minutes, { minute, price: 100 }, minute);
  const packed = minutes.pack();
  const before = structuredClone(packed);
  for (let minute = 39; minute >= 0; minute--) add(minutes, { minute, price: 200 }, 100 + minute);
  minutes.raiseScales(SCALES, { price: 5, quantity: 5 });
  minutes.removeFirst();
  minutes.pack();
  expect(packed).toStrictEqual(before);
});
