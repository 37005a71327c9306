import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { detachedText } from '../../src/exchanges/detached-text.ts';

test('the first characters of a frame do not hold the frame in memory', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  const beforeBytes = process.memoryUsage().heapUsed;
  const kept: string[] = [];
  for (let frame = 0; frame < 100; frame++) {
    kept.push(detachedText(Buffer.alloc(1_000_000, `frame ${frame} `).toString('latin1'), 100));
  }
  collectGarbage();
  const heldBytes = process.memoryUsage().heapUsed - beforeBytes;
  expect(kept.every((text) => text.length === 100)).toBe(true);
  expect(heldBytes).toBeLessThan(20_000_000);
});

test('a character that the cut would halve becomes one that can be stored', () => {
  expect(detachedText('ab😀', 3)).toBe('ab\uFFFD');
  expect(detachedText('ab😀', 4)).toBe('ab😀');
});
