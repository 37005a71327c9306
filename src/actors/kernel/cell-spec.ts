/** Specs of both kinds in one form, without their message and state types and with their defaults filled in. */
import type {
  ActorLimits,
  ActorMessage,
  ActorSpec,
  PersistenceEngine,
  PersistentActorContext,
  PersistentActorSpec,
  Recovery,
  StopReason,
} from './actor-types.ts';
import type { ErrorClass } from '../../supervision/failure.ts';
import type { RestartStrategy } from '../../supervision/strategy.ts';

const SHUTDOWN_MS = 5000;
const HANDLER_MAX_MS = 60_000;
/** Messages that may wait for one actor, where its spec says nothing else. */
export const MAILBOX_MAX_MESSAGES = 10_000;

type AnyContext = PersistentActorContext<ActorMessage, unknown, unknown>;

export type CellSpec = {
  readonly name: string;
  readonly strategy: RestartStrategy;
  readonly initialState: (context: AnyContext) => unknown;
  readonly receive: (state: unknown, message: ActorMessage, context: AnyContext) => unknown;
  readonly onStarted: ((state: unknown, context: AnyContext) => void | Promise<void>) | undefined;
  readonly onStop:
    ((state: unknown, context: AnyContext, reason: StopReason) => void | Promise<void>) | undefined;
  /** Only persistent actors have one. */
  readonly log: LogSpec | undefined;
  readonly shutdownMs: number;
  readonly handlerMaxMs: number;
  readonly mailboxMaxMessages: number;
  readonly stopChildren: 'reverse' | 'together';
  readonly classify: (error: unknown) => ErrorClass | undefined;
  readonly describe: (message: ActorMessage) => string;
};

export type LogSpec = {
  readonly key: string;
  readonly engine: PersistenceEngine<unknown, unknown>;
  readonly restore: (snapshot: unknown) => unknown;
  readonly evolve: (state: unknown, entry: unknown) => unknown;
  readonly onRecovered:
    ((state: unknown, context: AnyContext, recovery: Recovery) => void | Promise<void>) | undefined;
  readonly positionOf: ((state: unknown) => number) | undefined;
};

export function toCellSpec<M extends ActorMessage, S>(spec: ActorSpec<M, S>): CellSpec {
  // Sound because only references branded with `M` lead here, and the state goes in only as it came out.
  const erased = spec as unknown as ActorSpec<ActorMessage, unknown>;
  return {
    ...toLimits(erased),
    name: erased.name,
    strategy: erased.strategy,
    initialState: erased.initialState,
    receive: erased.receive,
    onStarted: erased.onStarted,
    onStop: erased.onStop,
    log: undefined,
  };
}

export function toPersistentCellSpec<M extends ActorMessage, S, E, Snapshot>(
  spec: PersistentActorSpec<M, S, E, Snapshot>,
): CellSpec {
  // Sound for the same reason; entries and snapshots come from the actor's own engine.
  const erased = spec as unknown as PersistentActorSpec<ActorMessage, unknown, unknown>;
  return {
    ...toLimits(erased),
    name: erased.name,
    strategy: erased.strategy,
    initialState: erased.initialState,
    receive: erased.receive,
    onStarted: erased.onStarted,
    onStop: erased.onStop,
    log: {
      key: erased.key,
      engine: erased.engine,
      restore: erased.restore,
      evolve: erased.evolve,
      onRecovered: erased.onRecovered,
      positionOf: erased.positionOf,
    },
  };
}

function toLimits(limits: ActorLimits<ActorMessage>) {
  return {
    shutdownMs: limits.shutdownMs ?? SHUTDOWN_MS,
    handlerMaxMs: limits.handlerMaxMs ?? HANDLER_MAX_MS,
    mailboxMaxMessages: limits.mailboxMaxMessages ?? MAILBOX_MAX_MESSAGES,
    stopChildren: limits.stopChildren ?? 'reverse',
    classify: limits.classify ?? (() => undefined),
    describe: limits.describe ?? ((message) => message.type),
  };
}
