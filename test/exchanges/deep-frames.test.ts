/** Frames that nest without end, or name what every object has, cost their sender's frame and nothing else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTooDeep } from '../../src/exchanges/json-text.ts';
import { adapters } from '../../src/exchanges/registry.ts';
import { parseJson } from '../../src/exchanges/wire-json.ts';
import { toNativeSymbol } from '../../src/market/symbols.ts';

const MIB = 1024 * 1024;
/** Texts below some length are not looked at; blanks change no depth. */
const PADDING = ' '.repeat(20_000);
const nested = (depth: number, padding = ''): string => `${'['.repeat(depth)}${padding}${']'.repeat(depth)}`;

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('deep JSON', () => {
  it('of 50 MB is refused before the parser follows it down', () => {
    expect(parseJson(nested(25 * MIB))).toBeUndefined();
    expect(parseJson(`${'{"a":'.repeat(8 * MIB)}1${'}'.repeat(8 * MIB)}`)).toBeUndefined();
  });

  it('is found at 33 levels, and brackets in texts are none', () => {
    expect([32, 33].map((depth) => isTooDeep(nested(depth, PADDING)))).toEqual([false, true]);
    const texts = JSON.stringify(Array.from({ length: 100 }, () => '[[[{{"\\"[['));
    expect(isTooDeep(PADDING + texts)).toBe(false);
    expect(isTooDeep(`${PADDING}["${'['.repeat(100)}`)).toBe(false);
  });

  it('is told from flat JSON as a walk over the value tells it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.nat(40), (json, outer) => {
        const text = `${PADDING}${'['.repeat(outer)}${json}${']'.repeat(outer)}`;
        expect(isTooDeep(text)).toBe(depthOf(JSON.parse(text)) > 32);
      }),
      { seed: 20_261_121, numRuns: 300 },
    );
  });
});

describe.each([...adapters])('the adapter %s', (_name, adapter) => {
  const options = { depth: 10 };
  const symbol = toNativeSymbol('BTC-USD');

  it.each([
    ['open', '['.repeat(MIB)],
    ['closed', nested(MIB)],
    ['of objects', `${'{"data":'.repeat(MIB / 8)}1${'}'.repeat(MIB / 8)}`],
  ])('refuses a frame of brackets that are %s', (_how, frame) => {
    const messages = adapter.createDecoder(options).decode(frame, 1);
    expect(messages.map(({ type }) => type)).toEqual(['rejected']);
  });

  it('refuses answers of brackets', () => {
    const reading = adapter.readSnapshot(nested(MIB), symbol, 1, adapter.createDecoder(options));
    expect(reading.ok).toBe(false);
    expect(adapter.readInstruments(nested(MIB))).toMatchObject({ ok: false });
  });

  it('takes no frame for a reason to change what all objects share', () => {
    const decoder = adapter.createDecoder(options);
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      for (const inner of [`{"polluted":"yes"}`, `{"prototype":{"polluted":"yes"}}`]) {
        const object = `{"${key}":${inner}}`;
        for (const frame of [
          object,
          `{"data":${object},"result":${object},"events":[${object}],"params":[${object}]}`,
          `{"channel":"${key}","type":"${key}","symbol":"${key}","product_id":"${key}","stream":"${key}@trade","data":${object}}`,
          `[0,${object},"${key}","${key}"]`,
        ]) {
          decoder.decode(frame, 1);
        }
      }
    }
    expect(({} as Readonly<Record<string, unknown>>)['polluted']).toBeUndefined();
  });
});
