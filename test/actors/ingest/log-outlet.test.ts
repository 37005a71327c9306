import { expect, it } from 'vitest';
import type { EventLogWriter, EventLogWriterEvents } from '../../../src/actors/event-log.ts';
import { LogOutlet } from '../../../src/actors/ingest/log-outlet.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { silentLog } from '../support.ts';

const away = new TampinesError('SERVICE_UNAVAILABLE', 'no broker answers', { isRetryable: true });

it('opens another writer where one of no use can not even be closed', async () => {
  const time = new FakeClock();
  const opened: EventLogWriterEvents[] = [];
  const writer: EventLogWriter = {
    queue: { queue: 'test', depth: 0, limit: 1, fullCount: 0 },
    offer: () => true,
    close: () => Promise.reject(away),
  };
  const outlet = new LogOutlet({
    openWriter: (events) => {
      opened.push(events);
      return Promise.resolve(writer);
    },
    timers: time,
    random: createSeededRandom(1),
    log: silentLog,
  });
  outlet.start();
  await settle();
  opened[0]!.onFailed(away);
  await settle();
  expect(outlet.isOpen).toBe(false);
  await time.advance(1_000);
  expect(outlet.isOpen).toBe(true);
  expect(opened).toHaveLength(2);
});
