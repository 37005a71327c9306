import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteNumbers } from '../../src/exchanges/json-text.ts';

/** The value that `JSON.parse` gives, with each number as its shortest text. */
function withTextNumbers(value: unknown): unknown {
  if (typeof value === 'number') return JSON.stringify(value);
  if (Array.isArray(value)) return value.map(withTextNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withTextNumbers(member)]));
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('quoteNumbers', () => {
  it('keeps every digit of prices, exponents and ids beyond 2^53', () => {
    const text =
      '{"price":45283.50,"qty":1e-8,"id":2008994948736251682,"d":-0.0,"n":null,"list":[0, 1.0 ,2E+3]}';
    expect(JSON.parse(quoteNumbers(text))).toEqual({
      price: '45283.50',
      qty: '1e-8',
      id: '2008994948736251682',
      d: '-0.0',
      n: null,
      list: ['0', '1.0', '2E+3'],
    });
  });

  it('leaves digits inside strings and keys alone, escapes included', () => {
    const text = String.raw`{"1":"a 2, 3","b\"4,5":"\\","c":"x\\\"6,7\\",  "d":8}`;
    expect(JSON.parse(quoteNumbers(text))).toEqual({ '1': 'a 2, 3', 'b"4,5': '\\', c: 'x\\"6,7\\', d: '8' });
  });

  it.each([
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1e',
    '{1:2}',
    '1"a"',
    '[1 2]',
    '1x',
    '0x1',
    '--1',
    '1.2.3',
    '[1,]',
    '"1',
  ])('does not make JSON of %s', (text) => {
    expect(parses(text)).toBe(false);
    expect(parses(quoteNumbers(text))).toBe(false);
  });

  it('agrees with JSON.parse on every value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(JSON.parse(quoteNumbers(text))).toEqual(withTextNumbers(JSON.parse(text)));
      }),
      { seed: 20261120, numRuns: 500 },
    );
  });

  it('parses exactly when the text itself does, however it was damaged', () => {
    const damaged = fc
      .tuple(
        fc.json({ maxDepth: 2 }),
        fc.nat(),
        fc.constantFrom('', '"', '\\', '1', '-', '.', 'e', ',', ':', '}', '[', ' ', '0'),
        fc.nat(2),
      )
      .map(([text, at, insert, cut]) => {
        const index = at % (text.length + 1);
        return text.slice(0, index) + insert + text.slice(index + cut);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        expect(parses(quoteNumbers(text))).toBe(parses(text));
      }),
      { seed: 20261121, numRuns: 3000 },
    );
  });
});
