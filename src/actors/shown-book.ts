/** How the book of an instrument may be shown: as its log says, unless there is reason to believe that it is wrong all the same. */
import type { Log } from '../base/log.ts';
import type { InstrumentState } from '../market/instrument-state.ts';
import type { StandbyBook } from '../market/standby-book.ts';
import { followedSilence } from '../market/standby-book.ts';
import { LEASE_LOST_REASON } from './lease-keeper.ts';
import type { DesiredInstrument, PublishLease } from './ports.ts';
import type { StandbyReadings, StandbyStatus } from './standby-readings.ts';
import type { BookChange, PublishedStatus } from './symbol-publications.ts';

/** What subscribers read while an instrument that came to this node reads what its log holds after its checkpoint. */
export const CATCHING_UP_REASON = 'the instrument has come to another node, which reads its log';

export type ShownBookOptions = {
  readonly instrument: DesiredInstrument;
  /** While it is not held no book is shown as live; without one it always is. */
  readonly lease?: PublishLease | undefined;
  readonly standbys?: StandbyReadings | undefined;
};

/** What can be seen of a second feed from outside. */
type Seen = {
  readonly followed: string | undefined;
  readonly switchCount: number;
  readonly silence: string | undefined;
  readonly standby: StandbyStatus;
};

export class ShownBook {
  readonly #options: ShownBookOptions;
  #silentReason: string | undefined;
  /** `undefined` while there is no second feed. */
  #seen: Seen | undefined;

  constructor(options: ShownBookOptions) {
    this.#options = options;
  }

  /** Nothing comes from any of its feeds: the book may be wrong though its log does not say so. */
  noteSilence(reason: string): void {
    this.#silentReason = reason;
  }

  /** An entry of this source was folded. One of a second feed changes nothing, unless the book that stood by was followed in its turn. */
  noteFolded(state: InstrumentState, source: string, log: Log): BookChange {
    const { bookSources, standby } = state;
    if (this.#silentReason !== undefined && bookSources.isOfFollowed(source)) this.#silentReason = undefined;
    if (standby === undefined) return 'told';
    const isSeen = this.#compare(state, standby, log);
    if (!isSeen) return 'whole';
    return bookSources.follows(source) ? 'told' : 'none';
  }

  /** The instrument runs here no longer. */
  end(): void {
    this.#options.standbys?.forget(this.#options.instrument);
  }

  /** Returns whether the book is the one that was seen last, with as much or as little doubt; what is new is told. */
  #compare(state: InstrumentState, standby: StandbyBook, log: Log): boolean {
    const { instrument, standbys } = this.#options;
    const before = this.#seen;
    const { switchCount } = standby;
    const seen: Seen = {
      ...{ switchCount, silence: followedSilence(state), standby: standby.bookStatus.status },
      followed: state.bookSources.followed,
    };
    const newSwitches = before === undefined ? 0 : switchCount - before.switchCount;
    if (newSwitches > 0 || before?.standby !== seen.standby)
      standbys?.note(instrument, seen.standby, newSwitches);
    if (newSwitches > 0) {
      const { reason } = standby.bookStatus;
      const fields = { instrument: instrument.instrument, from: before?.followed, to: seen.followed, reason };
      log.info(fields, 'the book is that of the other feed from here on');
    }
    this.#seen = seen;
    return newSwitches === 0 && before?.silence === seen.silence;
  }

  statusOf(
    state: InstrumentState,
    { isRecovering, isUnsure }: { isRecovering: boolean; isUnsure: boolean },
  ): PublishedStatus {
    const { status, reason } = state.bookStatus;
    const doubt = status === 'live' ? this.#doubtOf(state, isRecovering, isUnsure) : undefined;
    return doubt === undefined ? { status, reason } : { status: 'stale', reason: doubt };
  }

  #doubtOf(state: InstrumentState, isRecovering: boolean, isUnsure: boolean): string | undefined {
    if (this.#options.lease?.isHeld() === false) return LEASE_LOST_REASON;
    const silence = this.#silentReason ?? followedSilence(state);
    if (silence !== undefined) return silence;
    if (isRecovering) return CATCHING_UP_REASON;
    return isUnsure ? 'recovered after a restart, not yet confirmed by the feed' : undefined;
  }
}
