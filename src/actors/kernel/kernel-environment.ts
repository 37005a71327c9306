/** What every actor of one system shares. */
import type { Clock, RandomSource, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { NactRef } from './nact-boundary.ts';
import type { PersistenceBridge } from './persistence-bridge.ts';
import type { Reports } from './reports.ts';

export type KernelEnvironment = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly reports: Reports;
  readonly bridge: PersistenceBridge;
  readonly nactRoot: NactRef;
  logFor(path: string): Log;
  /** Different for every nact actor of the system, so that no name is ever used twice. */
  nextIncarnationNumber(): number;
};
