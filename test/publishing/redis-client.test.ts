import { describe, expect, test } from 'vitest';
import { matchesGlob } from '../../src/publishing/glob.ts';
import { parseRedisUrl } from '../../src/publishing/redis-client.ts';

describe('the address of Redis', () => {
  test('names one server, with login and database', () => {
    expect(parseRedisUrl('redis://me:p%40ss@db.example:6390/2')).toMatchObject({
      kind: 'standalone',
      nodes: [{ host: 'db.example', port: 6390 }],
      username: 'me',
      password: 'p@ss',
      database: 2,
      hasTls: false,
    });
    expect(parseRedisUrl('rediss://:secret@[::1]')).toMatchObject({
      nodes: [{ host: '::1', port: 6379 }],
      username: undefined,
      password: 'secret',
      hasTls: true,
    });
  });

  test.each([
    'redis://u:hunter2',
    'redis-sentinel://u:hunter2@',
    'redis://u:a@hunter2:x@h:1',
    'redis://u:hun%ZZter2@h:1',
    'redis://u:a@hunter2@h:1',
  ])('is refused without a word of its password: %s', (url) => {
    let message = 'it was not refused';
    try {
      parseRedisUrl(url);
    } catch (error) {
      message = `${(error as { code: string }).code} ${(error as Error).message}`;
    }
    expect(message).toContain('SETTINGS_INVALID');
    expect(message).not.toMatch(/hunter2|ter2/);
  });

  test('names a Cluster by several of its nodes', () => {
    expect(parseRedisUrl('redis://a:7000,b:7001,c')).toMatchObject({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
        { host: 'c', port: 6379 },
      ],
    });
  });

  test('names a master that Sentinels know', () => {
    expect(parseRedisUrl('redis-sentinel://a,b:26380/mymaster')).toMatchObject({
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 26_380 },
      ],
      masterName: 'mymaster',
    });
  });

  test.each([
    'http://a',
    'redis://',
    'redis://a:x',
    'redis://a:99999',
    'redis://a/name',
    'redis-sentinel://a',
  ])('is refused when it is %s, without repeating it', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  });
});

describe('patterns', () => {
  test.each([
    ['*', 'anything', true],
    ['orderbook:*:BTC-USDT:1', 'orderbook:kraken:BTC-USDT:1', true],
    ['orderbook:*:BTC-USDT:1', 'orderbook:kraken:BTC-USDT:10', false],
    ['h?llo', 'hello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a*b*c', 'aXXbYYbZc', true],
    ['', '', true],
    ['', 'a', false],
    ['[', '[', false],
  ])('%s matches %s: %s', (pattern, text, expected) => {
    expect(matchesGlob(pattern, text)).toBe(expected);
  });

  test('of many stars end in time', () => {
    expect(matchesGlob('*a'.repeat(2_000), 'a'.repeat(1_999))).toBe(false);
  });
});
