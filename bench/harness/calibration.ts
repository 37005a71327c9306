/**
 * A fixed piece of work of the kinds the hot path is made of (digits of texts, arrays of numbers, maps, short-lived objects), which no change to the
 * project touches: what a benchmark takes as a multiple of it says little about the machine and much about the code.
 */
import type { Benchmark } from './benchmark.ts';

const TEXT = Array.from({ length: 512 }, (_, index) => `${91_000 + index * 37}.${index % 100}`).join(',');
const ROUNDS = 60;

export const calibration: Benchmark = {
  name: 'calibration',
  unit: 'rounds',
  operationCount: ROUNDS,
  run: () => {
    let sum = 0;
    for (let round = 0; round < ROUNDS; round++) sum += calibrationRound(round);
    return sum;
  },
};

function calibrationRound(round: number): number {
  const prices = new Float64Array(512);
  let count = 0;
  let value = 0;
  for (let at = 0; at < TEXT.length; at++) {
    const code = TEXT.charCodeAt(at);
    if (code === 44) {
      prices[count++] = value + (round % 7);
      value = 0;
    } else if (code !== 46) value = value * 10 + (code - 48);
  }
  prices.subarray(0, count).sort();
  const quantities = new Map<number, { price: number; text: string }>();
  for (let index = 0; index < count; index++) {
    const price = prices[index]!;
    const known = quantities.get(price % 251);
    if (known === undefined || known.price < price) {
      quantities.set(price % 251, { price, text: String(price) });
    }
  }
  let length = 0;
  for (const { text } of quantities.values()) length += text.length;
  return length + prices.copyWithin(1, 0, count - 1)[count >> 1]!;
}
