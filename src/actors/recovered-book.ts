/**
 * Whether the book of an instrument that was away may be shown as live. It was true when it was written and may be wrong now, until its feed is
 * heard with something that was received in this life of the actor: what is sent first is older, and more may wait behind it.
 */
import type { Clock } from '../base/clock.ts';
import type { LogEntry, MarketEvent } from '../market/events.ts';
import type { InstrumentState } from '../market/instrument-state.ts';

/** `missedNothing`: the feed goes on where the recovered log ends. */
export type Hearing = 'unsure' | 'sure' | 'missedNothing';

export class RecoveredBook {
  readonly #isRecording: boolean;
  #isUnsure = false;
  /** When this life began, by the monotonic clock; `undefined` in the first, before which no feed knew the actor. */
  #begunMs: number | undefined;
  /** Sources that brought something of the book, ever; that another goes on says nothing about it. */
  #bookSources = new Set<string>();
  /** Those of the recovered state: where they go on they missed nothing meanwhile. A source that came later proves nothing. */
  #sourcesBefore: ReadonlySet<string> = new Set();
  /** Sources that said since how the book stands. */
  readonly #sourcesHeard = new Set<string>();

  /** @param options.isRecording when an event was received says nothing about now */
  constructor(options: { isRecording: boolean }) {
    this.#isRecording = options.isRecording;
  }

  get isUnsure(): boolean {
    return this.#isUnsure;
  }

  noteFolded({ source, events }: LogEntry): void {
    if (!this.#bookSources.has(source) && events.some(isOfBook)) this.#bookSources.add(source);
  }

  /** Also when only this actor was away: it may have been parked for long, and what came meanwhile waits. */
  recovered(
    state: Pick<InstrumentState, 'bookStatus' | 'sources'>,
    { clock, isFirstLife }: { clock: Clock; isFirstLife: boolean },
  ): void {
    this.#isUnsure = state.bookStatus.status === 'live';
    this.#begunMs = isFirstLife ? undefined : clock.monotonicMs();
    this.#sourcesBefore = new Set(state.sources.snapshot().map(({ source }) => source));
    this.#bookSources = new Set([...this.#bookSources].filter((source) => this.#sourcesBefore.has(source)));
    this.#sourcesHeard.clear();
  }

  /** All that its feeds said meanwhile has been folded. */
  missedNothing(): void {
    this.#isUnsure = false;
  }

  /**
   * A feed that goes on where it was left misses nothing; any other has to say first how the book stands.
   * @param isFollowed whether the book that is shown is of its source: that another one goes on says nothing about it
   */
  hear(entry: LogEntry, clock: Clock, isFollowed: boolean): Hearing {
    const { source, events } = entry;
    if (events.some(isBookStatement)) this.#sourcesHeard.add(source);
    if (!isFollowed) return 'unsure';
    const goesOn = this.#sourcesBefore.has(source) && this.#bookSources.has(source);
    if (!goesOn && !this.#sourcesHeard.has(source)) return 'unsure';
    if (!this.#isOfThisLife(entry, clock)) return 'unsure';
    this.#isUnsure = false;
    return goesOn && this.#sourcesHeard.size === 0 ? 'missedNothing' : 'sure';
  }

  /** Compares ages, for the wall clock may have been set; what it says is yet to come was received before that. */
  #isOfThisLife({ events }: LogEntry, clock: Clock): boolean {
    if (this.#begunMs === undefined || this.#isRecording) return true;
    const ageMs = clock.nowMs() - events.at(-1)!.receiveTimeMs;
    return ageMs >= 0 && ageMs <= clock.monotonicMs() - this.#begunMs;
  }
}

function isOfBook(event: MarketEvent): boolean {
  return event.type === 'BookDelta' || isBookStatement(event);
}

function isBookStatement({ type }: MarketEvent): boolean {
  return type === 'FeedStatus' || type === 'BookSnapshot';
}
