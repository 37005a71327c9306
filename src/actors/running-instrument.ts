/** An instrument that runs on this node, as others see it: its actor, what may be done to it from outside, and how it does. */
import type { InstrumentPulse } from './instrument-pulse.ts';
import type { ActorNode, ActorRef } from './kernel/actor-types.ts';
import type { DesiredInstrument } from './ports.ts';
import type { ScheduledInstrument } from './publish-schedule.ts';
import type { SymbolMessage } from './symbol-protocol.ts';

/** A symbol actor as this node started it. */
export type RunningSymbol = {
  readonly ref: ActorRef<SymbolMessage>;
  readonly pulse: Readonly<InstrumentPulse>;
  readonly scheduled: ScheduledInstrument;
  /** Lets what it published expire. */
  readonly expirePublications: () => void;
  /** Publishes everything at the next occasion, changed or not. */
  readonly publishAgain: () => void;
  /** Levels per side of its published books; `undefined`: as for all. */
  readonly setBookDepth: (depth: number | undefined) => void;
  /** Marks its published books stale until it publishes again. */
  readonly markStale: (reason: string) => void;
};

/** An instrument that runs here. */
export type StartedInstrument = {
  readonly instrument: DesiredInstrument;
  readonly symbol: RunningSymbol;
  readonly startNumber: number;
};

export type InstrumentStatus = {
  readonly instrument: DesiredInstrument;
  readonly pulse: Readonly<InstrumentPulse>;
  /** Of its actor: `running`, `recovering`, `restarting`, `parked`, … */
  readonly actorStatus: string;
  /** Which start of an instrument on this node it was. */
  readonly startNumber: number;
  /** Lives of its actor so far: grows with each restart. */
  readonly incarnation: number;
  readonly restarts: number;
  readonly lastFailure: string | undefined;
  /** `undefined` unless it is parked. */
  readonly whyParked: string | undefined;
};

/** What a change is meant for; it is not made where the instrument is another by then. */
export type ChangeCondition = (status: InstrumentStatus) => boolean;

/** `node`: its actor, where there is one. */
export function describeStatus(
  { instrument, symbol, startNumber }: StartedInstrument,
  node: ActorNode | undefined,
): InstrumentStatus {
  return {
    instrument,
    startNumber,
    pulse: symbol.pulse,
    actorStatus: node?.status ?? 'stopped',
    incarnation: node?.incarnation ?? 0,
    restarts: node?.restarts ?? 0,
    lastFailure: node?.lastFailure?.cause,
    whyParked: node?.whyParked,
  };
}
