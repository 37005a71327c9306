/** One process's way into the log of events in memory: each call that Kafka's client would make may meet its fate. */
import type { EventLogWriter, EventLogWriterEvents } from '../../../../src/actors/event-log.ts';
import { TampinesError } from '../../../../src/base/errors.ts';
import type { MemoryEventLog, MemoryWriter } from '../../../support/memory-event-log.ts';
import { wayOf } from '../../cluster/sim-cluster-node.ts';
import type { Process, World } from '../../world/world.ts';
import type { CallPoints, Fate } from '../cluster/call-points.ts';
import { DYING, FATES, never, OF_A_READING } from '../cluster/call-points.ts';

const TRAVEL_MAX_MS = 4;
/** What a process had sent before it ended gets into the log within this. */
export const LATE_MS = 1_500;

export type WatchedWriterOptions = {
  readonly world: World;
  readonly process: Process;
  readonly log: MemoryEventLog;
  readonly points: CallPoints;
};

export function openWatchedWriter(
  options: WatchedWriterOptions,
  events: EventLogWriterEvents,
): Promise<EventLogWriter> {
  const { points, process } = options;
  if (process.isDead) return never();
  const fate = points.next('Kafka: open a producer', OF_A_READING);
  if (fate === 'lost') return Promise.reject(away());
  if (fate !== undefined) {
    points.kill(process);
    return never();
  }
  return Promise.resolve(new WatchedWriter(options, events));
}

/** Kafka acknowledges in the order that was sent, and so does it. */
class WatchedWriter implements EventLogWriter {
  readonly #options: WatchedWriterOptions;
  readonly #inner: MemoryWriter;
  /** Of what was offered and is not acknowledged, in order. */
  readonly #fates: (Fate | undefined)[] = [];

  constructor(options: WatchedWriterOptions, events: EventLogWriterEvents) {
    this.#options = options;
    const { world, log, points, process } = options;
    this.#inner = log.openWriter(
      {
        ...events,
        onDurable: (batch) => {
          if (this.#fates.shift() === 'done, dies') points.kill(process);
          else events.onDurable(batch);
        },
      },
      wayOf(world, process, TRAVEL_MAX_MS),
    );
  }

  get queue() {
    return this.#inner.queue;
  }

  offer(...[instrument, batch]: Parameters<EventLogWriter['offer']>): boolean {
    const { world, log, points, process } = this.#options;
    if (process.isDead) return false;
    const fate = points.next('Kafka: produce', FATES);
    if (fate === 'dies before' || fate === 'dies, done late') {
      points.kill(process);
      if (fate === 'dies, done late')
        world.after(world.nature, LATE_MS, 'produced late', () => log.write(instrument, batch));
      return false;
    }
    if (!this.#inner.offer(instrument, batch)) return false;
    this.#fates.push(fate);
    if (fate === 'lost' || fate === 'done, answer lost') {
      const durableCount = fate === 'lost' ? 0 : Infinity;
      world.soon(process, 'writer fails', () => this.#inner.fail(away(), { durableCount }));
    }
    return true;
  }

  close(): Promise<void> {
    const { points, process } = this.#options;
    if (process.isDead) return never();
    const fate = points.next('Kafka: close the producer', DYING);
    if (fate === 'dies before') points.kill(process);
    if (fate === 'done, dies') void this.#inner.close().then(() => points.kill(process));
    return fate === undefined ? this.#inner.close() : never();
  }
}

function away(): TampinesError {
  return new TampinesError('SERVICE_UNAVAILABLE', 'Kafka can not be reached: connection reset', {
    isRetryable: true,
  });
}
