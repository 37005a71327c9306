/** A wall clock that is set back: the client's own heartbeats fall silent, and a reader must not go on as if it were still a member. */
import { expect, it, onTestFinished } from 'vitest';
import { systemClock, systemTimers } from '../../src/base/clock.ts';
import { provideEventTopic } from '../../src/kafka/event-topic.ts';
import { KafkaEventLogReader } from '../../src/kafka/kafka-event-log-reader.ts';
import { eventTopicOf } from '../../src/kafka/kafka-options.ts';
import { openReader } from '../suites/event-log-suite.ts';
import { testKafkaOptions } from '../support/kafka-options.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { testKafkaBrokers } from '../support/services.ts';
import { waitUntil } from '../support/wait-until.ts';

it('a reader whose wall clock is set back by an hour says that it is no member any more, and another one is', async () => {
  const kafka = testKafkaOptions(testKafkaBrokers());
  const surroundings = {
    kafka,
    topic: eventTopicOf(kafka),
    clientId: 'tampines-test',
    clock: systemClock,
    timers: systemTimers,
    log: new RecordingLog(),
  };
  await provideEventTopic({ ...surroundings, checkpointEveryMs: 60_000 });
  const store = {
    openReader: (group: string, events: Parameters<typeof KafkaEventLogReader.open>[0]['events']) =>
      KafkaEventLogReader.open({ ...surroundings, group, events }),
  };
  const group = 'wall-clock';
  const first = await openReader(store, { group });
  await waitUntil(() => first.assigned.length === kafka.partitions);

  const realNow = Date.now;
  Date.now = () => realNow() - 3_600_000;
  onTestFinished(() => {
    Date.now = realNow;
  });
  const second = await openReader(store, { group });
  await waitUntil(() => first.failures.length === 1);
  expect(first.failures).toMatchObject([{ code: 'SERVICE_UNAVAILABLE', isRetryable: true }]);
  await waitUntil(() => second.assigned.length === kafka.partitions);
});
