/** The model of the log that simulations stand on keeps the promises of the real one. */
import { eventLogSuite } from '../suites/event-log-suite.ts';
import { MemoryEventLog } from './memory-event-log.ts';

eventLogSuite('memory', () => {
  const log = new MemoryEventLog(6);
  const later = (action: () => void): void => void setImmediate(action);
  return Promise.resolve({
    partitions: 6,
    openWriter: (events) => Promise.resolve(log.openWriter(events, later)),
    openReader: (group, events) => Promise.resolve(log.openReader(group, events, later)),
    writeForeign: (partition) => {
      log.appendForeign(partition);
      return Promise.resolve();
    },
    dropBefore: (partition, offset) => {
      log.dropBefore(partition, offset);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
