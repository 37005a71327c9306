/**
 * Saves the state of one life of a symbol actor: checkpoints, of which the newest two stay, and savepoints, which stay until they are deleted. For a
 * checkpoint the state becomes bytes at once; the rows before it, the snapshot and the dropping of what the journal needs no more follow behind the
 * actor's back, so that no delivery waits for them.
 */
import type { TampinesError } from '../base/errors.ts';
import { hasErrorCode } from '../base/errors.ts';
import type { InstrumentState } from '../market/instrument-state.ts';
import { snapshotInstrument } from '../market/instrument-state.ts';
import { classifyError } from '../supervision/failure.ts';
import type { DerivedRows } from './derived-rows.ts';
import type { PersistentActorContext } from './kernel/actor-types.ts';
import type { DesiredInstrument, Journal, ShardClaim, StateSnapshotRow } from './ports.ts';

export type SavepointOutcome =
  | { readonly ok: true; readonly batchNumber: number; readonly position: number }
  | { readonly ok: false; readonly refusal: TampinesError };

export type CheckpointOptions = {
  readonly instrument: DesiredInstrument;
  readonly claim: ShardClaim;
  readonly journal: Journal;
  readonly rows: DerivedRows;
  /** Entries folded since the last checkpoint after which one is due. */
  readonly everyEntries: number;
  /** The log up to here may not be read again. */
  readonly onSaving: () => void;
  /** All of the log up to this batch is in a snapshot now. */
  readonly onSaved?: ((batchNumber: number) => void) | undefined;
};

type Context = Pick<PersistentActorContext<never, unknown, unknown>, 'batchNumber' | 'log' | 'fail'>;

export class Checkpoints {
  readonly #options: CheckpointOptions;
  /** Of the state that was saved last. */
  #position: number;
  #underway: Promise<void> | undefined;

  /** `position`: of the state that the life began with. */
  constructor(options: CheckpointOptions, position: number) {
    this.#options = options;
    this.#position = position;
  }

  isDue({ position }: InstrumentState): boolean {
    return position - this.#position >= this.#options.everyEntries;
  }

  /** Begins a checkpoint, unless one is under way: the next will do. One that fails ends the life of the actor. */
  begin(state: InstrumentState, context: Context): void {
    if (this.#underway !== undefined) return;
    this.#underway = this.#take(state, context).then(
      () => {
        this.#underway = undefined;
      },
      (error: unknown) => context.fail(error),
    );
  }

  /**
   * Takes one and resolves when it is durable: the last of a life, or one of a state that does not follow from the log alone. What the journal needs no
   * more is dropped with the next one: thousands that stop at once have no time for it.
   * @throws what the tables or the journal failed with
   */
  async takeNow(state: InstrumentState, context: Context): Promise<void> {
    await this.#underway;
    await this.#save(state, context);
  }

  /** Recoveries may begin at it as at any checkpoint, so the rows of what it contains come first as well. */
  async takeSavepoint(
    state: InstrumentState,
    context: Context,
    reply: (outcome: SavepointOutcome) => void,
  ): Promise<InstrumentState> {
    reply(await this.#saveSavepoint(state, context));
    return state;
  }

  async #saveSavepoint(state: InstrumentState, context: Context): Promise<SavepointOutcome> {
    const { journal, claim, rows } = this.#options;
    this.#options.onSaving();
    await rows.write();
    const row = this.#rowOf(state, context);
    try {
      await journal.saveSavepoint(claim, row);
      return { ok: true, batchNumber: row.batchNumber, position: row.position };
    } catch (error) {
      if (hasErrorCode(error, 'SAVEPOINTS_FULL')) return { ok: false, refusal: error };
      throw error;
    }
  }

  async #take(state: InstrumentState, context: Context): Promise<void> {
    if (await this.#save(state, context)) await this.#prune(context);
  }

  /**
   * A checkpoint stands for everything before it: the rows of what it contains must be in their tables first. Returns whether there was anything to
   * save.
   */
  async #save(state: InstrumentState, context: Context): Promise<boolean> {
    this.#options.onSaving();
    const rowsWritten = this.#options.rows.write();
    // The journal sees how it ends, unless the state can't become bytes: that is the error to tell then.
    rowsWritten.catch(() => undefined);
    const { batchNumber } = context;
    if (state.position === this.#position) {
      await rowsWritten;
      this.#options.onSaved?.(batchNumber);
      return false;
    }
    const { journal, claim } = this.#options;
    const { position } = state;
    await journal.saveSnapshot(claim, this.#rowOf(state, context), rowsWritten);
    this.#position = position;
    this.#options.onSaved?.(batchNumber);
    return true;
  }

  #rowOf(state: InstrumentState, { batchNumber }: Context): StateSnapshotRow {
    const { instrument } = this.#options.instrument;
    return { instrument, batchNumber, position: state.position, state: snapshotInstrument(state) };
  }

  /** Rows that are kept for longer do no harm: a database too busy to drop them is no reason to begin a new life. */
  async #prune(context: Context): Promise<void> {
    const { journal, instrument } = this.#options;
    try {
      await journal.prune(instrument.instrument);
    } catch (error) {
      if (classifyError(error) !== 'transient') throw error;
      context.log.warn(
        { instrument: instrument.instrument, err: error },
        'the journal could not be pruned yet',
      );
    }
  }
}
