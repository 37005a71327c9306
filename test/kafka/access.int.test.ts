/** Brokers that let in only who shows a certificate and knows a password: all clients of this project come in by the same settings, and are told what to mend where they do not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startKafka } from '../../scripts/services/kafka.mjs';
import type { OutputOutbox } from '../../src/actors/outputs.ts';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { checkKafka } from '../../src/cli/doctor/check-kafka.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import { KafkaEventLogReader } from '../../src/kafka/kafka-event-log-reader.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { KafkaEventLogWriter } from '../../src/kafka/kafka-event-log-writer.ts';
import { KafkaOutputs } from '../../src/kafka/kafka-outputs.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import type { Settings } from '../../src/settings-schema.ts';
import { describeSettings, loadSettings } from '../../src/settings.ts';
import { openOwner, openWriter } from '../suites/event-log-suite.ts';
import { trade } from '../support/market-events.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { freshName, noteServiceUse } from '../support/services.ts';
import type { ThrowawayCertificates } from '../support/throwaway-certificates.ts';
import { makeCertificates } from '../support/throwaway-certificates.ts';
import { waitUntil } from '../support/wait-until.ts';

const PASSWORD = '0123456789';

describe('brokers with TLS and SASL', () => {
  const topicPrefix = freshName('access').replaceAll('_', '-');
  let folder: string;
  let certificates: ThrowawayCertificates;
  let cluster: Awaited<ReturnType<typeof startKafka>>;
  const log = new RecordingLog();

  beforeAll(async () => {
    noteServiceUse('Kafka with TLS and SASL');
    folder = mkdtempSync(join(tmpdir(), 'tampines-access-'));
    certificates = makeCertificates(folder);
    cluster = await startKafka({
      secured: {
        keystoreFile: certificates.brokerFile,
        truststoreFile: certificates.caFile,
        user: 'alice',
        password: PASSWORD,
      },
    });
  });

  afterAll(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function load(
    changes: Readonly<Record<string, string>> = {},
    password = PASSWORD,
  ): ReturnType<typeof loadSettings> {
    const values = {
      'kafka.brokers': cluster.nodes[0]!.securedAddress,
      'kafka.topicPrefix': topicPrefix,
      'kafka.partitions': '6',
      'kafka.replicationFactor': '1',
      'kafka.tls.mode': 'on',
      'kafka.tls.caFile': certificates.caFile,
      'kafka.tls.certificateFile': certificates.clientCertificateFile,
      'kafka.tls.keyFile': certificates.clientKeyFile,
      'kafka.sasl.mechanism': 'scram-sha-256',
      'kafka.sasl.username': 'alice',
      'outputs.kafka.topics': 'trades',
      ...changes,
    };
    return loadSettings({
      environment: { TAMPINES_KAFKA_SASL_PASSWORD: password },
      assignments: Object.entries(values).map(([name, value]) => `${name}=${value}`),
    });
  }

  const surroundingsOf = ({ kafka }: Settings) => ({
    kafka,
    topic: eventTopicOf(kafka),
    clientId: 'tampines-test',
    clock: systemClock,
    timers: systemTimers,
    random: Math.random,
    log,
  });

  const provide = (settings: Settings) =>
    provideEventTopic({ ...surroundingsOf(settings), checkpointEveryMs: 60_000 });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('let in by %s', async (mechanism) => {
    const { settings } = load({ 'kafka.sasl.mechanism': mechanism });
    await provide(settings);
    expect(await checkKafka(settings)).toMatchObject([
      { check: 'kafka', verdict: 'ok', found: expect.stringContaining(`TLS, ${mechanism}`) as unknown },
    ]);
  });

  it('carry the log, the group and the outputs', async () => {
    const { settings } = load();
    const surroundings = surroundingsOf(settings);
    await provide(settings);
    const store = {
      openWriter: (events: Parameters<typeof KafkaEventLogWriter.open>[0]['events']) =>
        KafkaEventLogWriter.open({ ...surroundings, events }),
      openReader: (group: string, events: Parameters<typeof KafkaEventLogReader.open>[0]['events']) =>
        KafkaEventLogReader.open({ ...surroundings, group, events }),
    };
    const { writer, durable } = await openWriter(store);
    const owner = await openOwner(store);
    const batch = { source: 'access/1', firstOrdinal: 1, events: [trade({ tradeId: '1' })] };
    writer.offer('access:A-USD' as InstrumentKey, batch);
    await waitUntil(() => durable.length === 1);
    expect(await owner.readOrdinals('access:A-USD' as InstrumentKey, 1)).toEqual([1]);

    let removed: readonly number[] = [];
    const waiting = [{ place: 7, topic: 'trades' as const, key: 'access:A-USD', id: 'one', value: '{}' }];
    const outbox: OutputOutbox = {
      takeTurn: () => Promise.resolve(true),
      read: () => Promise.resolve(removed.length === 0 ? waiting : []),
      remove: (places) => Promise.resolve(void (removed = places)),
      measure: () => Promise.resolve({ waitingRecords: 1, oldestMs: 0 }),
    };
    const outputs = new KafkaOutputs({ ...surroundings, topics: ['trades'], outbox });
    outputs.start(() => true);
    await waitUntil(() => removed.length === 1);
    await outputs.stop();
    expect(removed).toEqual([7]);
  });

  it.each(['plain', 'scram-sha-256'])(
    'say by %s which settings to check where the password is wrong',
    async (mechanism) => {
      const { settings } = load({ 'kafka.sasl.mechanism': mechanism }, 'wrong-secret');
      const failure = await provide(settings).then(
        () => undefined,
        (error: unknown) => error as Error,
      );
      expect(failure).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      expect(failure!.message).toMatch(/kafka\.sasl\.username and TAMPINES_KAFKA_SASL_PASSWORD/);
      expect(failure!.message).not.toContain('wrong-secret');
      const [finding] = await checkKafka(settings);
      expect(finding).toMatchObject({ verdict: 'fail' });
      expect(finding!.found).toContain('TAMPINES_KAFKA_SASL_PASSWORD');
    },
  );

  it.each([
    ['an authority that is not trusted', { 'kafka.tls.caFile': '' }],
    ['no certificate of the client', { 'kafka.tls.certificateFile': '', 'kafka.tls.keyFile': '' }],
  ])('say that it is kafka.tls where there is %s', async (_what, changes) => {
    const { settings } = load(changes);
    await expect(provide(settings)).rejects.toThrow(/check kafka\.tls/);
  });

  it('say which file can not be read', async () => {
    const { settings } = load({ 'kafka.tls.caFile': join(folder, 'missing.pem') });
    await expect(provide(settings)).rejects.toThrow(/kafka\.tls\.caFile.*missing\.pem/);
  });

  it('keep the password out of the log and of what is told of settings', () => {
    const { settings, origins } = load();
    const described = describeSettings(settings, origins);
    expect(described.find(({ name }) => name === 'kafka.sasl.password')).toMatchObject({ value: 'set' });
    expect(log.lines.length).toBeGreaterThan(0);
    expect(JSON.stringify([described, log.lines])).not.toMatch(new RegExp(`${PASSWORD}|wrong-secret`));
  });
});
