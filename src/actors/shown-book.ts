/** How the book of an instrument may be shown: as its log says, unless there is reason to believe that it is wrong all the same. */
import type { InstrumentState } from '../market/instrument-state.ts';
import { followedSilence } from '../market/standby-book.ts';
import { LEASE_LOST_REASON } from './lease-keeper.ts';
import type { PublishLease } from './ports.ts';
import type { BookChange, PublishedStatus } from './symbol-publications.ts';

/** What subscribers read while an instrument that came to this node reads what its log holds after its checkpoint. */
export const CATCHING_UP_REASON = 'the instrument has come to another node, which reads its log';

/** What can be seen of a state from outside that an entry of another book leaves as it is. */
type Shown = { readonly switchCount: number; readonly silence: string | undefined };

export class ShownBook {
  readonly #lease: PublishLease | undefined;
  #silentReason: string | undefined;
  #shown: Shown = { switchCount: 0, silence: undefined };

  /** @param lease while it is not held no book is shown as live; without one it always is */
  constructor(lease: PublishLease | undefined) {
    this.#lease = lease;
  }

  /** Nothing comes from any of its feeds: the book may be wrong though its log does not say so. */
  noteSilence(reason: string): void {
    this.#silentReason = reason;
  }

  /** An entry of this source was folded. One of a second feed changes nothing, unless the book that stood by was followed in its turn. */
  noteFolded(state: InstrumentState, source: string): BookChange {
    const { bookSources, standby } = state;
    if (this.#silentReason !== undefined && bookSources.isOfFollowed(source)) this.#silentReason = undefined;
    if (standby === undefined) return 'told';
    const before = this.#shown;
    this.#shown = { switchCount: standby.switchCount, silence: followedSilence(state) };
    const { switchCount, silence } = this.#shown;
    if (before.switchCount !== switchCount || before.silence !== silence) return 'whole';
    return bookSources.follows(source) ? 'told' : 'none';
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
    if (this.#lease?.isHeld() === false) return LEASE_LOST_REASON;
    const silence = this.#silentReason ?? followedSilence(state);
    if (silence !== undefined) return silence;
    if (isRecovering) return CATCHING_UP_REASON;
    return isUnsure ? 'recovered after a restart, not yet confirmed by the feed' : undefined;
  }
}
