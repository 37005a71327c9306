import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TampinesError } from '../src/base/errors.ts';
import { adminTokens, checkRoles, environmentName, loadSettings } from '../src/settings.ts';

function settingsFile(text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'tampines-settings-')), 'settings.yaml');
  writeFileSync(path, text);
  return path;
}

function messageOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(TampinesError);
    return (error as TampinesError).message;
  }
  throw new Error('expected the settings to be refused');
}

describe('settings', () => {
  it('are complete without any source', () => {
    const { settings, origins } = loadSettings({});
    expect(settings.publish.bookResolutions).toEqual([1, 5, 10, 100]);
    expect(settings.admin.host).toBe('127.0.0.1');
    expect(origins.get('admin.port')).toBe('default');
  });

  it.each([
    [
      'postgres.url',
      { environment: { TAMPINES_POSTGRES_URL: 'me:secret@db' } },
      'postgres:// or postgresql://',
    ],
    ['exchanges.kraken.wsUrl', { assignments: ['exchanges.kraken.wsUrl=https://secret'] }, 'wss:// or ws://'],
    ['exchanges.kraken.restUrl', { assignments: ['exchanges.kraken.restUrl=secret'] }, 'https:// or http://'],
  ])('refuse what is no address of %s and do not repeat it', (name, sources, wanted) => {
    const message = messageOf(() => loadSettings(sources));
    expect(message).toBe(`Settings are not valid: ${name}: must begin with ${wanted}`);
  });

  it('are layered: defaults, file, environment, flags', () => {
    const file = settingsFile('admin: { port: 1111 }\npublish: { bookDepth: 11, bookIntervalMs: 50 }\n');
    const { settings, origins } = loadSettings({
      file,
      environment: { TAMPINES_ADMIN_PORT: '2222', TAMPINES_PUBLISH_BOOK_DEPTH: '22', PATH: '/bin' },
      assignments: ['admin.port=3333'],
    });
    expect(settings.admin.port).toBe(3333);
    expect(settings.publish.bookDepth).toBe(22);
    expect(settings.publish.bookIntervalMs).toBe(50);
    expect([
      origins.get('admin.port'),
      origins.get('publish.bookDepth'),
      origins.get('publish.bookIntervalMs'),
    ]).toEqual(['flag', 'environment', 'file']);
  });

  it('take lists from the environment, and per-exchange addresses from flags', () => {
    const { settings } = loadSettings({
      environment: { TAMPINES_INSTRUMENTS: 'binance:BTC-USDT, kraken:BTC-USD' },
      assignments: ['exchanges.binance.wsUrl=ws://127.0.0.1:9'],
    });
    expect(settings.instruments).toEqual(['binance:BTC-USDT', 'kraken:BTC-USD']);
    expect(settings.exchanges['binance']?.wsUrl).toBe('ws://127.0.0.1:9');
  });

  it('refuse what they do not know and name it', () => {
    expect(messageOf(() => loadSettings({ file: settingsFile('admin: { prot: 1 }') }))).toMatch(
      /admin.*prot/,
    );
    expect(messageOf(() => loadSettings({ environment: { TAMPINES_ADMIN_PROT: '1' } }))).toContain(
      'TAMPINES_ADMIN_PROT',
    );
    expect(messageOf(() => loadSettings({ assignments: ['admin.prot=1'] }))).toContain('admin.prot');
    expect(messageOf(() => loadSettings({ assignments: ['admin.port=x'] }))).toContain('admin.port');
    expect(messageOf(() => loadSettings({ file: settingsFile('a: [') }))).toContain('not valid YAML');
    expect(messageOf(() => loadSettings({ file: '/nowhere/at/all.yaml' }))).toContain('/nowhere/at/all.yaml');
  });

  it.each([
    'exchanges.__proto__.polluted=1',
    'exchanges.kraken.__proto__.polluted=1',
    'exchanges.constructor.prototype.polluted=1',
    '__proto__: { polluted: 1 }',
    'admin: { __proto__: { polluted: 1 } }',
  ])('change nothing that all objects share: %s', (text) => {
    const sources = text.includes('=') ? { assignments: [text] } : { file: settingsFile(text) };
    expect(messageOf(() => loadSettings(sources))).toContain('there is no such setting');
    expect(({} as Readonly<Record<string, unknown>>)['polluted']).toBeUndefined();
  });

  it('take brokers as host:port, several separated by commas, and nothing else for one', () => {
    const { settings } = loadSettings({ environment: { TAMPINES_KAFKA_BROKERS: 'a:9092,127.0.0.1:19092' } });
    expect(settings.kafka.brokers).toEqual(['a:9092', '127.0.0.1:19092']);
    for (const wrong of ['a', 'kafka://a:9092', 'a:', ':9092', 'a:port']) {
      expect(messageOf(() => loadSettings({ assignments: [`kafka.brokers=${wrong}`] }))).toContain(
        'kafka.brokers.0: must be host:port',
      );
    }
  });

  it('are not meant by the variable that tells commands where a node is', () => {
    const { origins } = loadSettings({ environment: { TAMPINES_URL: 'http://127.0.0.1:1' } });
    expect([...origins.values()].filter((origin) => origin !== 'default')).toEqual([]);
  });

  it('take secrets from the environment only', () => {
    const file = settingsFile('postgres: { url: "postgres://x" }');
    expect(messageOf(() => loadSettings({ file }))).toContain('TAMPINES_POSTGRES_URL');
    expect(messageOf(() => loadSettings({ assignments: ['admin.token=x'] }))).toContain(
      'TAMPINES_ADMIN_TOKEN',
    );
    expect(messageOf(() => loadSettings({ assignments: ['kafka.sasl.password=x'] }))).toContain(
      'TAMPINES_KAFKA_SASL_PASSWORD',
    );
    expect(loadSettings({ environment: { TAMPINES_ADMIN_TOKEN: '0123' } }).settings.admin.token).toBe('0123');
  });

  it.each([
    ['outputs.kafka.topics=trades', 'set outputs.kafka.brokers'],
    ['outputs.kafka.topics=books', 'outputs.kafka.topics.0'],
    ['kafka.tls.caFile=ca.pem', 'set kafka.tls.mode to on'],
    ['kafka.tls.keyFile=key.pem,kafka.tls.mode=on', 'belong together'],
    ['kafka.sasl.mechanism=plain', 'TAMPINES_KAFKA_SASL_PASSWORD'],
  ])('refuse half of an access to Kafka: %s', (assignments, said) => {
    expect(messageOf(() => loadSettings({ assignments: assignments.split(',') }))).toContain(said);
  });

  it('of a cluster are read without its brokers, as by a replay; a node that starts needs them to have a role', () => {
    const { settings, origins } = loadSettings({ file: settingsFile('node: { roles: [ingest] }') });
    expect(messageOf(() => checkRoles(settings, origins))).toContain('set kafka.brokers');
    for (const assignments of [['kafka.brokers=a:9092', 'node.roles=ingest'], []]) {
      const fit = loadSettings({ assignments });
      expect(() => checkRoles(fit.settings, fit.origins)).not.toThrow();
    }
  });

  it('name tokens for several people, and refuse two of one name or one token', () => {
    const load = (tokens: string, token = '') =>
      loadSettings({ environment: { TAMPINES_ADMIN_TOKENS: tokens, TAMPINES_ADMIN_TOKEN: token } }).settings;
    expect(adminTokens(load('alice:0123456789abcdef,bob:fedcba9876543210:x', 'short'))).toEqual([
      { name: 'operator', token: 'short' },
      { name: 'alice', token: '0123456789abcdef' },
      { name: 'bob', token: 'fedcba9876543210:x' },
    ]);
    expect(messageOf(() => load('alice:too-short'))).toMatch(
      /^Settings are not valid: admin.tokens.0: must be name:token/,
    );
    expect(messageOf(() => load('a:0123456789abcdef,a:fedcba9876543210'))).toContain('the same name');
    expect(messageOf(() => load('operator:0123456789abcdef', 'x'))).toContain('the same name');
    const twice = messageOf(() => load('a:0123456789abcdef,b:0123456789abcdef'));
    expect(twice).toContain('the same token');
    expect(twice).not.toContain('0123456789abcdef');
  });

  it('refuse an admin address outside loopback without a token', () => {
    expect(messageOf(() => loadSettings({ assignments: ['admin.host=0.0.0.0'] }))).toContain(
      'TAMPINES_ADMIN_TOKEN',
    );
  });

  it('refuse values that contradict one another', () => {
    const assignments = ['supervision.restartInitialMs=5000', 'supervision.restartMaxMs=100'];
    expect(messageOf(() => loadSettings({ assignments }))).toContain('restartMaxMs');
    expect(messageOf(() => loadSettings({ assignments: ['publish.keyTtlMs=1500'] }))).toContain('keyTtlMs');
    expect(messageOf(() => loadSettings({ assignments: ['kafka.heartbeatMs=4000'] }))).toContain(
      'three times kafka.heartbeatMs',
    );
    expect(messageOf(() => loadSettings({ assignments: ['kafka.retentionMs=119999'] }))).toContain(
      'twice checkpoint.everyMs',
    );
  });

  it('have one environment name each', () => {
    expect(environmentName('publish.bookIntervalMs')).toBe('TAMPINES_PUBLISH_BOOK_INTERVAL_MS');
  });
});
