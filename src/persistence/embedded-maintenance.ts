/**
 * What real Postgres does in its background processes and PGlite, having none, leaves to us: a checkpoint before the write-ahead log
 * grows without bound, and a vacuum after many rows died.
 */
import type { TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';

export const CHECKPOINT_EVERY_BYTES = 64 * 1024 * 1024;
const CHECKPOINT_EVERY_MS = 300_000;
export const VACUUM_EVERY_DEAD_ROWS = 50_000;
/** Replaced state snapshots die as few but large rows, so bytes count too. */
const VACUUM_EVERY_CHECKPOINTS = 8;

export class EmbeddedMaintenance {
  readonly #runStatement: (text: string) => Promise<unknown>;
  readonly #sentBytes: () => number;
  readonly #log: Log;
  readonly #timer: TimerHandle;
  #bytesAtCheckpoint = 0;
  #checkpointsSinceVacuum = 0;
  #deadRows = 0;
  #running: Promise<void> | undefined;

  constructor(options: {
    runStatement: (text: string) => Promise<unknown>;
    /** Bytes sent to the database so far. */
    sentBytes: () => number;
    timers: Timers;
    log: Log;
  }) {
    this.#runStatement = options.runStatement;
    this.#sentBytes = options.sentBytes;
    this.#log = options.log;
    this.#timer = options.timers.every(CHECKPOINT_EVERY_MS, () => this.#startWhenDue(1));
  }

  /** Takes note of a statement that was run; starts maintenance when enough has come together. */
  noteStatement(result: { readonly command: string; readonly rowCount: number | null }): void {
    if (result.command === 'DELETE' || result.command === 'UPDATE') this.#deadRows += result.rowCount ?? 0;
    this.#startWhenDue(CHECKPOINT_EVERY_BYTES);
  }

  /** Ends the timer and waits for what is under way. */
  async close(): Promise<void> {
    this.#timer.cancel();
    await this.#running;
  }

  #startWhenDue(checkpointBytes: number): void {
    if (this.#running !== undefined) return;
    const isVacuumDue =
      this.#deadRows >= VACUUM_EVERY_DEAD_ROWS || this.#checkpointsSinceVacuum >= VACUUM_EVERY_CHECKPOINTS;
    const isCheckpointDue = this.#sentBytes() - this.#bytesAtCheckpoint >= checkpointBytes;
    if (!isVacuumDue && !isCheckpointDue) return;
    this.#running = this.#maintain(isVacuumDue).finally(() => {
      this.#running = undefined;
    });
  }

  async #maintain(isVacuumDue: boolean): Promise<void> {
    this.#bytesAtCheckpoint = this.#sentBytes();
    try {
      if (isVacuumDue) {
        this.#deadRows = 0;
        this.#checkpointsSinceVacuum = 0;
        await this.#runStatement('VACUUM');
      }
      await this.#runStatement('CHECKPOINT');
      this.#checkpointsSinceVacuum++;
    } catch (error) {
      this.#log.warn({ err: error }, 'maintenance of the embedded database failed; it is tried again later');
    }
  }
}
