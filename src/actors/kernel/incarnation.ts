/**
 * One nact actor. It lives one life after the other by nact's `reset`, whose `initialStateFunc` begins the next; closed, it is done for good:
 * what it still runs can write nothing. Its name is never used again, for nact's references are names and would hit the successor.
 */
import { describeCause } from '../../supervision/failure.ts';
import type { StopReason } from './actor-types.ts';
import type { CellSpec, LogSpec } from './cell-spec.ts';
import type { KernelEnvironment } from './kernel-environment.ts';
import type { Life } from './life.ts';
import { nactLibrary, type NactContext, type NactDecision, type NactRef } from './nact-boundary.ts';
import type { PersistenceSession } from './persistence-bridge.ts';

/** The only message nact carries: look into your mailbox. */
export const TURN = 'turn';

export type IncarnationHooks = {
  createLife(): Life;
  /** Resolves with the same life. A rejection leads to `onFailure`. */
  takeTurn(life: Life, context: NactContext): Promise<Life>;
  /** Resolves when the actor may live again: with true to reset it, with false to stop it. */
  onFailure(error: unknown): Promise<boolean>;
};

export class Incarnation implements PersistenceSession {
  readonly nactKey: string;
  stopRequest: 'drain' | 'now' | undefined;
  stopReason: StopReason = 'stop';
  recoveryFailure: { readonly error: unknown } | undefined;
  recoveryStartedMs = 0;
  leaveRecovery: (() => void) | undefined;
  /** Resolves when it is closed. */
  readonly whenFinished: Promise<void>;
  readonly #environment: KernelEnvironment;
  readonly #spec: CellSpec;
  readonly #hooks: IncarnationHooks;
  #life: Life;
  #nactRef: NactRef | undefined;
  #onFinished: (() => void) | undefined;
  #isClosed = false;

  constructor(environment: KernelEnvironment, spec: CellSpec, nactName: string, hooks: IncarnationHooks) {
    this.#environment = environment;
    this.#spec = spec;
    this.nactKey = nactName;
    this.#hooks = hooks;
    this.#life = hooks.createLife();
    this.whenFinished = new Promise((resolve) => {
      this.#onFinished = resolve;
    });
  }

  get life(): Life {
    return this.#life;
  }

  /** A method, for it changes while its reader awaits. */
  hasClosed(): boolean {
    return this.#isClosed;
  }

  /** Only asked for by the bridge, which serves persistent actors alone. */
  get log(): LogSpec {
    return this.#spec.log!;
  }

  initialState(life: Life): unknown {
    return this.#spec.initialState(life.context);
  }

  spawn(): void {
    const { nactRoot, bridge } = this.#environment;
    const properties = {
      initialStateFunc: () => this.#beginLife(),
      onCrash: (_message: unknown, error: unknown, decision: NactDecision) => this.#onCrash(error, decision),
    };
    const handle = (life: Life, message: unknown, context: NactContext) =>
      this.#handle(life, message, context);
    if (this.#spec.log === undefined) {
      this.#nactRef = nactLibrary.spawn(nactRoot, handle, this.nactKey, properties);
      return;
    }
    bridge.open(this);
    this.#nactRef = nactLibrary.spawnPersistent(nactRoot, handle, this.nactKey, this.nactKey, properties);
  }

  dispatchTurn(): void {
    if (!this.#isClosed && this.#nactRef !== undefined) nactLibrary.dispatch(this.#nactRef, TURN);
  }

  requestStop(mode: 'drain' | 'now', reason: StopReason): void {
    // An order to stop at once is not taken back by one to drain.
    this.stopRequest = this.stopRequest === 'now' ? 'now' : mode;
    this.stopReason = reason;
    this.dispatchTurn();
  }

  /** Ends it at once: no turn, no write, no timer after this. nact lets go of it; a handler in hand ends by itself or never. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#life.end();
    if (this.#spec.log !== undefined) this.#environment.bridge.close(this);
    if (this.#nactRef !== undefined) nactLibrary.stop(this.#nactRef);
    this.#onFinished?.();
  }

  #beginLife(): Life {
    // The constructor made the first; a life that has run is replaced.
    if (this.#life.hasEnded() && !this.#isClosed) this.#life = this.#hooks.createLife();
    return this.#life;
  }

  #handle(life: Life, message: unknown, context: NactContext): Promise<Life> {
    if (context.recovering !== true) return this.#hooks.takeTurn(life, context);
    try {
      const { evolve } = this.#spec.log!;
      for (const entry of message as readonly unknown[]) life.state = evolve(life.state, entry);
    } catch (error) {
      // Thrown by the bridge a moment later: thrown here, nact would print it to the console and fold on.
      this.recoveryFailure = { error };
    }
    return Promise.resolve(life);
  }

  /** Never throws: that would leave the nact actor hung, and end the process by an unhandled rejection. */
  async #onCrash(error: unknown, decision: NactDecision): Promise<symbol> {
    try {
      return (await this.#hooks.onFailure(error)) ? decision.reset : decision.stop;
    } catch (bug) {
      this.#environment.reports.warning(this.nactKey, 'Supervision itself failed', bug);
      this.#environment.reports.warning(this.nactKey, `It was deciding on: ${describeCause(error)}`, error);
      this.close();
      return decision.stop;
    }
  }
}
