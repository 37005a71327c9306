/**
 * One life of an actor: from its start to its failure or stop. It holds the state, the timers and the context; when it is over, what was
 * left behind by it (a timer, an unfinished promise) can do no more harm.
 */
import type { Clock, TimerHandle, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { ActorMessage, ActorRef, ActorSpec, PersistentActorContext, Recovery } from './actor-types.ts';
import type { Envelope } from './mailbox.ts';

/** What a life needs of the actor that lives it. */
export type LifeHost = {
  readonly path: string;
  readonly self: ActorRef<ActorMessage>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  send(receiver: ActorRef<unknown>, message: unknown): boolean;
  spawnOwned<N extends ActorMessage, T>(spec: ActorSpec<N, T>): ActorRef<N>;
  evolve(state: unknown, entry: unknown): unknown;
  /** What the life began outside of a handler (a timer, work in the background) failed: the actor fails with it. */
  onBackgroundFailure(life: Life, error: unknown): void;
};

export class Life {
  readonly incarnation: number;
  readonly context: PersistentActorContext<ActorMessage, unknown, unknown>;
  state: unknown = undefined;
  /** Whether `state` is one that the spec made, so that `onStop` has something to release. */
  hasState = false;
  hasStarted = false;
  batchNumber = 0;
  /** What reading the log came to, once it was read. */
  recovery: Recovery | undefined;
  /** The message in hand. */
  envelope: Envelope | undefined;
  /** When the handler in hand began, on the monotonic clock. */
  handlerStartedMs: number | undefined;
  /** When the log last gave something while it is read (from the reader's turn on), on the monotonic clock. */
  recoveryProgressMs: number | undefined;
  /** nact's `persist`, as of the turn in hand; absent while the log is read. */
  nactPersist: ((entry: unknown) => Promise<void>) | undefined;
  persisting: Promise<unknown> | undefined;
  persistFailure: { readonly error: unknown } | undefined;
  readonly #host: LifeHost;
  readonly #timers = new Set<TimerHandle>();
  #isOver = false;

  constructor(host: LifeHost, incarnation: number) {
    this.#host = host;
    this.incarnation = incarnation;
    this.context = this.#createContext();
  }

  cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** A method, for it changes while its reader awaits. */
  hasEnded(): boolean {
    return this.#isOver;
  }

  end(): void {
    this.#isOver = true;
    this.cancelTimers();
  }

  #createContext(): PersistentActorContext<ActorMessage, unknown, unknown> {
    const host = this.#host;
    const isOver = () => this.#isOver;
    const batchNumber = () => this.batchNumber;
    return {
      self: host.self,
      path: host.path,
      incarnation: this.incarnation,
      get isOver() {
        return isOver();
      },
      get batchNumber() {
        return batchNumber();
      },
      log: host.log,
      clock: host.clock,
      timers: this.#createTimers(),
      send: (receiver, message) => !this.#isOver && host.send(receiver as ActorRef<unknown>, message),
      spawn: (spec) => {
        if (this.hasEnded())
          throw new Error(`Cannot start ${spec.name} below ${host.path}: its life is over`);
        return host.spawnOwned(spec);
      },
      fail: (error) => host.onBackgroundFailure(this, error),
      persist: (entry) => this.#persist(entry),
      advance: (entry, to) => this.#advance(entry, to),
    };
  }

  #persist(entry: unknown): Promise<unknown> {
    const persisted = this.#persistAndEvolve(entry);
    // Also seen by whoever called; this one keeps a failure that nobody awaits from ending the process.
    this.persisting = persisted.catch((error: unknown) => (this.persistFailure ??= { error }));
    return persisted;
  }

  async #persistAndEvolve(entry: unknown): Promise<unknown> {
    const { path } = this.#host;
    if (this.hasEnded()) throw new Error(`Cannot persist for ${path}: this life of the actor is over`);
    if (this.nactPersist === undefined) throw new Error(`Cannot persist for ${path} before it is recovered`);
    if (this.persisting !== undefined) throw new Error(`Cannot persist for ${path}: one persist at a time`);
    await this.nactPersist(entry);
    this.persisting = undefined;
    if (this.hasEnded()) throw new Error(`Persisted for ${path}, but this life of the actor ended meanwhile`);
    this.state = this.#host.evolve(this.state, entry);
    return this.state;
  }

  #advance(entry: unknown, batchNumber: number): unknown {
    const { path } = this.#host;
    if (this.hasEnded()) throw new Error(`Cannot advance ${path}: this life of the actor is over`);
    if (batchNumber < this.batchNumber) {
      throw new Error(`Cannot advance ${path}: expected at least ${this.batchNumber}, was ${batchNumber}`);
    }
    if (entry !== undefined) this.state = this.#host.evolve(this.state, entry);
    this.batchNumber = batchNumber;
    return this.state;
  }

  #createTimers(): Timers {
    const { timers } = this.#host;
    const track = (handle: TimerHandle): TimerHandle => {
      const tracked = {
        cancel: () => {
          handle.cancel();
          this.#timers.delete(tracked);
        },
      };
      this.#timers.add(tracked);
      return tracked;
    };
    const guard = (action: () => void) => {
      if (this.hasEnded()) return;
      try {
        action();
      } catch (error) {
        this.#host.onBackgroundFailure(this, error);
      }
    };
    const after = (delayMs: number, action: () => void): TimerHandle => {
      const tracked = track(
        timers.after(delayMs, () => {
          this.#timers.delete(tracked);
          guard(action);
        }),
      );
      return tracked;
    };
    return {
      after,
      every: (periodMs, action, firstDelayMs) =>
        track(timers.every(periodMs, () => guard(action), firstDelayMs)),
      sleep: (delayMs) =>
        new Promise((resolve) => {
          after(delayMs, resolve);
        }),
    };
  }
}
