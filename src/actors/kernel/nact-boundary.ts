/**
 * nact 7.6.2 as this folder uses it, in types that hold: its own let any reference take any message and leave out half of the context.
 * Only this file imports nact. What we rely on and guard against is pinned by test/actors/kernel/nact-characterisation.test.ts.
 */
import nact from 'nact';

declare const nactReference: unique symbol;

/** An address inside nact. */
export type NactRef = { readonly [nactReference]: true };

/** What nact does next with an actor that failed. Only these two: the others reach across levels and are broken (notes on nact, 6 and 7). */
export type NactDecision = { readonly reset: symbol; readonly stop: symbol };

export type NactContext = {
  /** Only for persistent actors: true while entries of the log are folded. */
  readonly recovering?: boolean;
  /** Only for persistent actors. */
  readonly persist?: (entry: unknown) => Promise<void>;
};

export type NactProperties<State> = {
  readonly initialStateFunc: () => State;
  readonly onCrash: (message: unknown, error: unknown, context: NactDecision) => Promise<symbol>;
};

type NactHandler<State> = (state: State, message: unknown, context: NactContext) => Promise<State>;

export type NactEvent = {
  readonly key: string;
  readonly sequenceNumber: number;
  readonly data: unknown;
  readonly isDeleted?: boolean;
};

/** The step that nact folds the log with: it awaits the accumulated value itself. */
export type NactRecoveryStep = (
  accumulated: Promise<unknown>,
  event: NactEvent,
  index: number,
) => Promise<unknown>;

/** What nact asks of a persistence engine. Of `events` it only calls `reduce`, so an object that pages is as good as an array. */
export type NactPersistenceEngine = {
  latestSnapshot(
    key: string,
  ): Promise<{ readonly data: unknown; readonly sequenceNumber: number } | undefined>;
  events(
    key: string,
    afterSequenceNumber: number,
  ): { reduce(step: NactRecoveryStep, initial: Promise<unknown>): Promise<unknown> };
  persist(event: NactEvent): Promise<void>;
  takeSnapshot(snapshot: unknown): Promise<void>;
};

type NactExtension = { readonly __extension?: never };

export type NactLibrary = {
  start(options: { name: string }, ...extensions: NactExtension[]): NactRef;
  configurePersistence(engine: NactPersistenceEngine): NactExtension;
  spawn<State>(
    parent: NactRef,
    handler: NactHandler<State>,
    name: string,
    properties: NactProperties<State>,
  ): NactRef;
  spawnPersistent<State>(
    parent: NactRef,
    handler: NactHandler<State>,
    key: string,
    name: string,
    properties: NactProperties<State>,
  ): NactRef;
  dispatch(ref: NactRef, message: unknown): void;
  stop(ref: NactRef): void;
};

export const nactLibrary: NactLibrary = nact as unknown as NactLibrary;

let systemCount = 0;

/** Starts a nact system of its own: nact's systems share one map, and a second of the same name would shadow the first. */
export function startNactSystem(name: string, engine: NactPersistenceEngine): NactRef {
  systemCount++;
  return nactLibrary.start(
    { name: `${name}-${String(systemCount)}` },
    nactLibrary.configurePersistence(engine),
  );
}

/** Returns `text` in the characters that nact allows in names; different texts stay different. */
export function toNactName(text: string): string {
  let name = '';
  for (const byte of Buffer.from(text)) {
    const character = String.fromCharCode(byte);
    name += /[A-Za-z0-9.-]/.test(character) ? character : `$${byte.toString(16).padStart(2, '0')}`;
  }
  return name;
}
