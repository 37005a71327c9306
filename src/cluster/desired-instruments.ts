/**
 * Follows the set of instruments that operators want, as every node of the cluster does. Word of a change only says that it is to be read again, so
 * many words at once are one reading, and a lost one is made good by the next look.
 */
import type { DesiredInstrument } from '../actors/ports.ts';
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { describeCause } from '../supervision/failure.ts';
import type { ChangeNotifications, DesiredSource } from './ports.ts';

/** How often it is looked at while nobody tells of changes, and while somebody does. */
const POLL_MS = 1_000;
const TOLD_POLL_MS = 5_000;
/** A thousand spawns one after the other are some ten readings. */
const READINGS_APART_MS = 100;

export type DesiredInstrumentsOptions = {
  readonly source: DesiredSource;
  readonly notifications: ChangeNotifications;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** The whole set, by id, whenever it differs from the one before; also when it was read first. */
  readonly onChanged: (instruments: readonly DesiredInstrument[]) => void;
};

export class DesiredInstruments {
  readonly #options: DesiredInstrumentsOptions;
  #current: readonly DesiredInstrument[] = [];
  /** Of the set that was told last; `undefined` before the first. */
  #fingerprint: string | undefined;
  #timer: TimerHandle | undefined;
  #isTold = false;
  #isReading = false;
  #isChanged = false;
  #isStopped = false;
  #isAway = false;
  #lastReadMs = Number.NEGATIVE_INFINITY;

  constructor(options: DesiredInstrumentsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.notifications.start({
      onChange: () => this.check(),
      onListening: (isListening) => {
        this.#isTold = isListening;
        this.check();
      },
    });
    this.check();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#options.notifications.stop();
  }

  /** The set that was told last. */
  get current(): readonly DesiredInstrument[] {
    return this.#current;
  }

  /** Looks soon: this node changed it itself, or heard that it was changed. */
  check(): void {
    if (this.#isStopped) return;
    this.#isChanged = true;
    if (this.#isReading) return;
    const sinceMs = this.#options.clock.monotonicMs() - this.#lastReadMs;
    this.#readAfter(Math.max(0, READINGS_APART_MS - sinceMs));
  }

  #readAfter(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.timers.after(delayMs, () => void this.#read());
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    this.#isChanged = false;
    await this.#tryToRead();
    this.#isReading = false;
    this.#goOn();
  }

  async #tryToRead(): Promise<void> {
    const { source, clock, log } = this.#options;
    this.#lastReadMs = clock.monotonicMs();
    try {
      this.#take(await source.list());
      if (this.#isAway) log.info({}, 'the desired instruments are read again');
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) {
        const fields = { cause: describeCause(error), instruments: this.#current.length };
        log.warn(fields, 'the desired instruments can not be read: the last known ones are kept');
      }
      this.#isAway = true;
    }
  }

  #goOn(): void {
    if (this.#isStopped) return;
    // A database that is away is not asked more often because of what it said before.
    if (this.#isChanged && !this.#isAway) this.check();
    else this.#readAfter(this.#isTold && !this.#isAway ? TOLD_POLL_MS : POLL_MS);
  }

  #take(instruments: readonly DesiredInstrument[]): void {
    if (this.#isStopped) return;
    const fingerprint = JSON.stringify(
      instruments.map(({ instrument, instrumentId, nativeSymbol, settings }) => [
        instrument,
        instrumentId,
        nativeSymbol,
        settings,
      ]),
    );
    if (fingerprint === this.#fingerprint) return;
    this.#current = instruments;
    this.#options.onChanged(instruments);
    // Who fails on it is told again with the next reading.
    this.#fingerprint = fingerprint;
  }
}
