/** What a shard knows of one of its instruments. */
import type { DesiredInstrument } from '../ports.ts';
import type { RunningSymbol } from '../running-instrument.ts';
import type { LogLane } from './log-lane.ts';

export type Member = {
  readonly instrument: DesiredInstrument;
  readonly symbol: RunningSymbol;
  readonly lane: LogLane;
  /** The log up to here is to be in its state before it publishes; `undefined` when it is. */
  catchUpTo: number | undefined;
  /** It is here since this shard is, and its log was there, so nothing of it was left out. */
  isWhole: boolean;
  /** From which on its life now needs the log; at first from the shard's beginning, which is where nobody's newest snapshot lacks anything. */
  neededFrom: number;
  /** When a record of it was read last, by the monotonic clock; its actor knows when that is long ago. */
  heardAtMs: number;
  /** When the newest record that was read had been received, by the wall clock of whoever wrote it. */
  receivedAtMs: number;
  isSilent: boolean;
};
