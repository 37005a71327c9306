/** What the admin server is made of; everything is handed in. */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Instruments } from '../actors/instruments.ts';
import type { GateStatus } from '../actors/exchange-gate.ts';
import type { ActorSystem } from '../actors/kernel/actor-system.ts';
import type {
  Documents,
  InstrumentSettings,
  MarketTables,
  OperationsRecords,
  Savepoint,
} from '../actors/ports.ts';
import type { Clock, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { QueueReading } from '../base/queue-reading.ts';
import type { InstrumentKey } from '../market/symbols.ts';
import type { NamedToken } from './access.ts';
import type { AdminClusterOptions } from './cluster-options.ts';
import type { GatewayOptions } from './gateway/gateway-options.ts';
import type { MetricSource } from './metrics.ts';

export type AdminOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Secret. Bearer tokens for anything that changes something; empty: changes from loopback only. */
  readonly tokens: readonly NamedToken[];
  readonly log: Log;
  readonly clock: Clock;
  readonly instruments: Instruments;
  readonly system: ActorSystem;
  readonly tables: MarketTables;
  readonly records: OperationsRecords;
  readonly savepoints: SavepointStore;
  readonly documents: Documents;
  /** What the node needs to do its work, and whether it is there. */
  readonly readiness: () => Promise<readonly ReadinessCheck[]>;
  /** Secrets are hidden already. */
  readonly settingsInForce: () => readonly SettingInForce[];
  readonly epoch: number;
  /** Name of this node. */
  readonly node: string;
  /** Beside those of the process, the instruments and the actors. */
  readonly metricSources: readonly MetricSource[];
  /** The queues of the node, but for the admin server's own. */
  readonly readQueues: () => readonly QueueReading[];
  /** What is spent of what exchanges allow. */
  readonly readBudgets: () => readonly GateStatus[];
  readonly exchangeNames: readonly string[];
  /** Levels per side that a book may be asked for. */
  readonly bookDepthMax: number;
  readonly publishDefaults: PublishDefaults;
  /** Where the build put the dashboard. */
  readonly dashboardFolder: string;
  readonly timers: Timers;
  /** Absent on a node that is no part of a cluster. */
  readonly cluster?: AdminClusterOptions;
  /** What is published, for clients that are connected. */
  readonly stream: Pick<
    GatewayOptions,
    'channels' | 'lease' | 'allowedOrigins' | 'bookResolutions' | 'bookDepth' | 'candleIntervals'
  >;
};

/** How instruments are published that want nothing else. */
export type PublishDefaults = Readonly<Record<keyof InstrumentSettings, number>>;

/** Savepoints that are there; taking one is the instrument's own business. */
export type SavepointStore = {
  readonly list: (instrument: InstrumentKey) => Promise<readonly Savepoint[]>;
  /** @throws TampinesError `FENCED` · `SAVEPOINT_UNKNOWN` */
  readonly delete: (instrument: InstrumentKey, batchNumber: number) => Promise<void>;
};

export type ReadinessCheck = { readonly name: string; readonly isReady: boolean; readonly detail: string };
export type SettingInForce = { readonly name: string; readonly value: unknown; readonly origin: string };

/** The HTTP application while routes are added to it. */
export type AdminApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;
