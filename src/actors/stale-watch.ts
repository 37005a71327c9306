/**
 * Sees from outside which instruments can't speak for themselves (parked, on their way back, held up) and has their published books marked
 * stale: what was published last says `live` and would go on saying so until its key expires. An instrument that is back publishes by itself.
 */
import type { TimerHandle, Timers } from '../base/clock.ts';
import type { ActorSystem } from './kernel/actor-system.ts';
import type { ActorNode, AnyActorRef } from './kernel/actor-types.ts';
import type { WakeUp } from './publish-schedule.ts';

/** Looks within the time that an instrument may be silent for. */
const LOOKS = 4;

export type WatchedInstrument = {
  readonly ref: AnyActorRef;
  readonly scheduled: { readonly wakeUp: WakeUp };
  readonly markStale: (reason: string) => void;
};

export type StaleWatchOptions = {
  readonly timers: Timers;
  /** An instrument that took up neither a message nor its wake-up for so long can't vouch for its book. */
  readonly staleAfterMs: number;
  readonly system: Pick<ActorSystem, 'node' | 'isAtRest'>;
};

/** A wake-up that was pending at so many looks in a row, none taken in between. */
type Seen = { takenCount: number; pendingLooks: number };

export class StaleWatch {
  readonly #options: StaleWatchOptions;
  readonly #watched = new Map<string, { readonly instrument: WatchedInstrument; readonly seen: Seen }>();
  #timer: TimerHandle | undefined;

  constructor(options: StaleWatchOptions) {
    this.#options = options;
  }

  start(): void {
    const { timers, staleAfterMs } = this.#options;
    this.#timer = timers.every(Math.max(1, staleAfterMs / LOOKS), () => this.#lookAtAll());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** From now on. What an earlier owner published of it is stale already: it recovers first. */
  add(instrument: WatchedInstrument): void {
    this.#watched.set(instrument.ref.path, { instrument, seen: { takenCount: 0, pendingLooks: 0 } });
    this.lookAt(instrument.ref.path);
  }

  remove(path: string): void {
    this.#watched.delete(path);
  }

  /** Looks at once: something happened to this actor. Others than instruments are not looked at. */
  lookAt(path: string): void {
    const found = this.#watched.get(path);
    if (found !== undefined) this.#look(found.instrument, found.seen.pendingLooks);
  }

  #lookAtAll(): void {
    const { system } = this.#options;
    for (const { instrument, seen } of this.#watched.values()) {
      const pendingLooks = countLook(instrument, seen);
      // Of many instruments nearly all are at rest, and have nothing to vouch for.
      if (pendingLooks === 0 && system.isAtRest(instrument.ref)) continue;
      this.#look(instrument, pendingLooks);
    }
  }

  #look({ ref, markStale }: WatchedInstrument, pendingLooks: number): void {
    const { system, staleAfterMs } = this.#options;
    const reason = silenceOf(system.node(ref), pendingLooks > LOOKS, staleAfterMs);
    if (reason !== undefined) markStale(reason);
  }
}

function countLook({ scheduled: { wakeUp } }: WatchedInstrument, seen: Seen): number {
  const isSame = wakeUp.isPending && wakeUp.takenCount === seen.takenCount;
  seen.pendingLooks = isSame ? seen.pendingLooks + 1 : wakeUp.isPending ? 1 : 0;
  seen.takenCount = wakeUp.takenCount;
  return seen.pendingLooks;
}

/** Why the actor can't say how its book is, in words for subscribers; `undefined` when it can. */
function silenceOf(
  node: ActorNode | undefined,
  isWakeUpOverdue: boolean,
  staleAfterMs: number,
): string | undefined {
  if (node === undefined) return 'the instrument has no actor any more';
  if (node.whyParked !== undefined) return `the instrument is parked: ${node.whyParked}`;
  const cause = node.lastFailure === undefined ? '' : `: ${node.lastFailure.cause}`;
  if (node.status !== 'running' && node.status !== 'stopping')
    return `the instrument is being recovered${cause}`;
  if (isWakeUpOverdue || (node.handlerAgeMs ?? 0) > staleAfterMs) {
    return `the instrument was held up for more than ${staleAfterMs} ms`;
  }
  return undefined;
}
