import { expect, test } from 'vitest';
import { PublishedKeys } from '../../src/publishing/published-keys.ts';

const TTL_MS = 60_000;

function publish(keys: PublishedKeys, ...names: string[]): void {
  for (const key of names) keys.noteSent({ key, epoch: 3, seq: 10, value: '{}', kind: 'latest' });
}

test('a key that was let expire is remembered for as long as an older value of it may live, and no longer', () => {
  const keys = new PublishedKeys(TTL_MS);
  publish(keys, 'a', 'b', 'c');
  keys.noteEnded('a', 0);
  keys.noteEnded('b', 1);
  expect(keys.running()).toEqual(['c']);
  expect(keys.ended(TTL_MS)).toEqual(['a', 'b']);
  expect(keys.ended(TTL_MS + 1)).toEqual(['b']);
  expect([keys.versionOf('a'), keys.epochOf('b')]).toEqual([undefined, 3]);
  keys.noteEnded('c', 2 * TTL_MS);
  expect(keys.versionOf('b')).toBeUndefined();
});

test('a key that is published again is not one that was let expire', () => {
  const keys = new PublishedKeys(TTL_MS);
  publish(keys, 'a');
  keys.noteEnded('a', 0);
  publish(keys, 'a');
  expect(keys.running()).toEqual(['a']);
  expect(keys.ended(1)).toEqual([]);
});

test('a key that was never published is not remembered', () => {
  const keys = new PublishedKeys(TTL_MS);
  keys.noteEnded('a', 0);
  expect(keys.ended(0)).toEqual([]);
});
