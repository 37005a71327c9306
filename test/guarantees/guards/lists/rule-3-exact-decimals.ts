import type { Guard } from '../guard.ts';

/** Exact decimals: a price or quantity is never a binary float. */
export const exactDecimals: readonly Guard[] = [
  {
    holds: 3,
    name: 'Prices are read as units of their decimals, not as floats',
    file: 'src/market/scale-memory.ts',
    text: '    return parseUnitsExact(text, Math.max(needed, scale));',
    without: '    return Math.round(parseFloat(text) * 10 ** Math.max(needed, scale));',
    tests: [
      {
        file: 'test/market/scale-memory.test.ts',
        name: 'with keepTrailingZeros false every level keeps its value',
      },
      { file: 'test/tidy.test.ts', name: 'pass through no float' },
    ],
  },
  {
    holds: 3,
    name: 'Levels beyond 2^53 are not read straight from the text of a frame',
    file: 'src/exchanges/frame-cursor.ts',
    text: 'return units <= Number.MAX_SAFE_INTEGER ? units : NaN;',
    without: 'return units;',
    tests: [{ file: 'test/exchanges/direct-reading.test.ts', name: 'frames as the parser does' }],
  },
  {
    holds: 3,
    name: 'The fast reading gives up beyond 2^53',
    file: 'src/market/units.ts',
    text: 'return units <= Number.MAX_SAFE_INTEGER ? units : NaN;',
    without: 'return units;',
    tests: [
      {
        file: 'test/market/units.test.ts',
        name: 'the fast reading agrees with the exact one wherever it answers',
      },
    ],
  },
  {
    holds: 3,
    name: 'Sums beyond 2^53 are added as big integers',
    file: 'src/market/units.ts',
    text: 'if (sum <= Number.MAX_SAFE_INTEGER && sum >= -Number.MAX_SAFE_INTEGER) return sum;',
    without: 'return sum;',
    tests: [
      {
        file: 'test/market/units.test.ts',
        name: 'sums, differences and products are exact and canonical at any size',
      },
    ],
  },
  {
    holds: 3,
    name: 'Products beyond 2^53 are multiplied as big integers',
    file: 'src/market/units.ts',
    text: 'if (product <= Number.MAX_SAFE_INTEGER && product >= -Number.MAX_SAFE_INTEGER) return product;',
    without: 'return product;',
    tests: [
      {
        file: 'test/market/units.test.ts',
        name: 'sums, differences and products are exact and canonical at any size',
      },
    ],
  },
  {
    holds: 3,
    name: 'Numbers in JSON keep their digits',
    file: 'src/exchanges/json-text.ts',
    text: '        quoted += `${text.slice(copiedTo, index)}"${text.slice(index, end)}"`;',
    without: '        quoted += `${text.slice(copiedTo, index)}"${String(Number(text.slice(index, end)))}"`;',
    tests: [
      {
        file: 'test/exchanges/json-text.test.ts',
        name: 'keeps every digit of prices, exponents and ids beyond 2^53',
      },
      { file: 'test/tidy.test.ts', name: 'pass through no float' },
    ],
  },
  {
    holds: 3,
    name: 'Groups of a book are cut by exact remainders',
    file: 'src/market/grouping.ts',
    text: "  if (typeof units === 'number' && typeof step === 'number') return units % step;\n  return toUnits(BigInt(units) % BigInt(step));",
    without: '  return Number(units) % Number(step);',
    tests: [
      { file: 'test/market/grouping.test.ts', name: 'bids round down, asks round up and quantities add' },
      { file: 'test/tidy.test.ts', name: 'pass through no float' },
    ],
  },
  {
    holds: 3,
    name: 'Asks round up, so that no group promises a better price than its levels hold',
    file: 'src/market/grouping.ts',
    text: 'groupPrice = excess === 0 ? price : addUnits(price, subtractUnits(step, excess));',
    without: 'groupPrice = subtractUnits(price, excess);',
    tests: [
      { file: 'test/market/grouping.test.ts', name: 'bids round down, asks round up and quantities add' },
    ],
  },
  {
    holds: 3,
    name: 'Wide integers are stored digit by digit',
    file: 'src/codec/wide-integers.ts',
    text: "return typeof wire === 'number' ? wire : toUnits(BigInt(wire));",
    without: "return typeof wire === 'number' ? wire : Number(wire);",
    tests: [
      { file: 'test/codec/log-entry-codec.test.ts', name: 'come back as they were, at any size of number' },
      { file: 'test/codec/released-bytes.test.ts', name: 'reads what a release wrote with log-1' },
    ],
  },
  {
    holds: 3,
    name: 'Trade ids beyond 2^53 are told apart',
    file: 'src/market/trade-identities.ts',
    text: 'return INTEGER_ID.test(text) ? toUnits(BigInt(text)) : undefined;',
    without: 'return INTEGER_ID.test(text) ? Number(text) : undefined;',
    tests: [
      {
        file: 'test/market/trade-identities.test.ts',
        name: 'an exchange that counts by one needs a single run, also past 2^53',
      },
    ],
  },
];
