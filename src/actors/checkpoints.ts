/** Saves the state of one instrument: checkpoints, of which the newest two stay, and savepoints, which stay until they are deleted. */
import type { TampinesError } from '../base/errors.ts';
import { hasErrorCode } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { InstrumentState } from '../market/instrument-state.ts';
import { snapshotInstrument } from '../market/instrument-state.ts';
import { classifyError } from '../supervision/failure.ts';
import type { DesiredInstrument, Journal, ShardClaim, StateSnapshotRow } from './ports.ts';

export type SavepointOutcome =
  | { readonly ok: true; readonly batchNumber: number; readonly position: number }
  | { readonly ok: false; readonly refusal: TampinesError };

export class Checkpoints {
  readonly #journal: Journal;
  readonly #claim: ShardClaim;
  readonly #instrument: DesiredInstrument;

  constructor(options: { journal: Journal; claim: ShardClaim; instrument: DesiredInstrument }) {
    this.#journal = options.journal;
    this.#claim = options.claim;
    this.#instrument = options.instrument;
  }

  /** Saves the state, then drops what of the journal no recovery needs any more. */
  async save(state: InstrumentState, batchNumber: number, log: Log): Promise<void> {
    await this.#journal.saveSnapshot(this.#claim, this.#rowOf(state, batchNumber));
    await this.#prune(log);
  }

  async takeSavepoint(state: InstrumentState, batchNumber: number): Promise<SavepointOutcome> {
    const row = this.#rowOf(state, batchNumber);
    try {
      await this.#journal.saveSavepoint(this.#claim, row);
      return { ok: true, batchNumber, position: row.position };
    } catch (error) {
      if (hasErrorCode(error, 'SAVEPOINTS_FULL')) return { ok: false, refusal: error };
      throw error;
    }
  }

  #rowOf(state: InstrumentState, batchNumber: number): StateSnapshotRow {
    const { instrument } = this.#instrument;
    return { instrument, batchNumber, position: state.position, state: snapshotInstrument(state) };
  }

  /** Rows that are kept for longer do no harm: a database too busy to drop them is no reason to begin a new life. */
  async #prune(log: Log): Promise<void> {
    const { instrument } = this.#instrument;
    try {
      await this.#journal.prune(instrument);
    } catch (error) {
      if (classifyError(error) !== 'transient') throw error;
      log.warn({ instrument, err: error }, 'the journal could not be pruned yet');
    }
  }
}
