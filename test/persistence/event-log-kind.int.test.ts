import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemTimers } from '../../src/base/clock.ts';
import type { Database } from '../../src/persistence/database.ts';
import { claimEventLog, JOURNAL } from '../../src/persistence/event-log-kind.ts';
import { openDatabase } from '../../src/persistence/open-database.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { dropSchema, freshName, testDatabaseUrl } from '../support/services.ts';

const schema = freshName('kind');
let database: Database;

beforeAll(async () => {
  database = await openDatabase({
    location: { url: testDatabaseUrl() },
    schema,
    timers: systemTimers,
    log: new RecordingLog(),
  });
});

afterAll(async () => {
  await database.close();
  await dropSchema(schema);
});

it('keeps to the log that a schema was first used with, and says which that was', async () => {
  const topic = { name: 'tampines.events', partitions: 12 };
  await claimEventLog(database, topic);
  await claimEventLog(database, topic);
  await expect(claimEventLog(database, JOURNAL)).rejects.toThrow(
    'holds states of the topic tampines.events of 12 partitions, wanted was a node without Kafka',
  );
  await expect(claimEventLog(database, { ...topic, partitions: 24 })).rejects.toThrow(
    'wanted was the topic tampines.events of 24 partitions',
  );
});
