/**
 * What goes wrong in a world, drawn from its seed: a random part of all kinds of faults, each with a rate of its own, so that every seed looks at
 * another mixture and some look at one fault alone.
 */
import type { RandomSource } from '../../../src/base/clock.ts';
import type { NetworkExchange } from '../models/market-network.ts';
import type { RedisModel } from '../models/redis-model.ts';
import type { PostgresServer } from '../models/postgres-server.ts';
import type { Operator } from '../operator.ts';
import type { SimNode } from '../sim-node.ts';
import type { ExchangeName, MarketTruth, SimulatedMarkets } from '../simulated-markets.ts';
import type { World } from '../world/world.ts';
import type { FaultSwitches } from './fault-switches.ts';
import { tearNewestSnapshot } from './torn-snapshot.ts';

export type FaultTargets = {
  readonly world: World;
  readonly faults: FaultSwitches;
  readonly operator: Operator;
  readonly markets: SimulatedMarkets;
  readonly postgres: PostgresServer;
  readonly redis: RedisModel;
};

/** Mean ms between two of a kind, where it is on. */
const KINDS = {
  crash: 12_000,
  'crash at a step': 10_000,
  'clean restart': 25_000,
  pause: 15_000,
  takeover: 20_000,
  'postgres away': 20_000,
  'torn snapshot': 8_000,
  'redis away': 15_000,
  'redis emptied': 20_000,
  'redis set back': 15_000,
  'clock jump': 15_000,
  disconnect: 10_000,
  leave: 12_000,
  'half-open': 25_000,
  'dropped delta': 4_000,
  'duplicated trade': 2_000,
  'crossed book': 6_000,
  'wrong checksum': 5_000,
  'corrupt frame': 6_000,
  'slow snapshot': 15_000,
  'refused rest': 10_000,
  'failed delivery': 8_000,
  'actor restart': 10_000,
  'asked resync': 8_000,
} as const;
type FaultKind = keyof typeof KINDS;

/** What has to happen in a run of many seeds, or the run does not look where it should. */
export const NODE_FAULTS: readonly string[] = [...Object.keys(KINDS), 'crash while starting'];
export const NODE_FACTS: readonly string[] = ['taken over', 'node fenced', 'crash on a torn snapshot'];

const ON_SHARE = 0.3;
const FIRST_MS = 2_000;
const HOUR_MS = 3_600_000;

export class FaultPlan {
  readonly #targets: FaultTargets;
  readonly #random: RandomSource;
  /** What closes connections whose end was announced. */
  readonly #announced = new Set<() => void>();
  /** Whether clocks jump by an hour too. */
  #areJumpsFar = false;
  #isOver = false;

  constructor(targets: FaultTargets) {
    this.#targets = targets;
    this.#random = targets.world.stream('faults');
  }

  begin(untilMs: number): void {
    const { world, faults } = this.#targets;
    this.#drawRates();
    for (const [kind, meanMs] of Object.entries(KINDS) as [FaultKind, number][]) {
      if (this.#random() >= ON_SHARE) continue;
      const pace = 0.5 + 2 * this.#random();
      const next = (): void => {
        const delayMs = -Math.log(1 - this.#random()) * meanMs * pace;
        world.after(world.nature, delayMs, kind, () => {
          if (this.#isOver || world.elapsedMs >= untilMs) return;
          if (this.#inject(kind)) faults.count(kind);
          next();
        });
      };
      world.after(world.nature, FIRST_MS * this.#random(), kind, next);
    }
    this.#armCrashInRecovery();
  }

  /** No new faults, and those under way are mended. */
  end(): void {
    const { faults, operator, markets } = this.#targets;
    this.#isOver = true;
    faults.heal();
    for (const node of operator.nodes) operator.wake(node);
    for (const close of this.#announced) close();
    this.#announced.clear();
    for (const { protocol } of markets.exchanges.values()) protocol.faults.snapshotExtraMs = 0;
  }

  #drawRates(): void {
    const { rates } = this.#targets.faults;
    if (this.#isOn()) rates.commitUnknownRate = 0.01 + 0.1 * this.#random();
    if (this.#isOn()) rates.slowStatementRate = 0.01 + 0.05 * this.#random();
    if (this.#isOn()) rates.redisLostRate = 0.01 + 0.1 * this.#random();
    if (this.#isOn()) rates.restLostRate = 0.3 * this.#random();
    if (this.#isOn()) rates.networkMs = 5 + 150 * this.#random();
    if (this.#isOn()) rates.postgresMs = 1 + 40 * this.#random();
    if (this.#isOn()) rates.redisMs = 1 + 40 * this.#random();
    this.#areJumpsFar = this.#isOn();
  }

  /** A node that just started may die within its first steps: recovery during recovery. */
  #armCrashInRecovery(): void {
    if (!this.#isOn()) return;
    const { operator, faults } = this.#targets;
    operator.onStarted = (node) => {
      if (this.#isOver || this.#random() < 0.5) return;
      this.#crashWithin(node, 1 + Math.floor(this.#random() ** 2 * 1_500), () => {
        faults.count('crash while starting');
        faults.sometimes('recovery during recovery');
      });
    };
  }

  #isOn(): boolean {
    return this.#random() < ON_SHARE;
  }

  /** Returns whether there was something to break. */
  #inject(kind: FaultKind): boolean {
    switch (kind) {
      case 'crash':
      case 'crash at a step':
      case 'clean restart':
      case 'pause':
      case 'takeover':
      case 'clock jump':
        return this.#injectIntoNode(kind);
      case 'failed delivery':
      case 'actor restart':
      case 'asked resync':
        return this.#injectIntoActor(kind);
      case 'postgres away':
      case 'torn snapshot':
      case 'redis away':
      case 'redis emptied':
      case 'redis set back':
        return this.#injectIntoStore(kind);
      case 'disconnect':
      case 'leave':
      case 'half-open':
      case 'dropped delta':
      case 'duplicated trade':
      case 'crossed book':
      case 'wrong checksum':
      case 'corrupt frame':
      case 'slow snapshot':
      case 'refused rest':
        return this.#injectIntoExchange(kind);
      default:
        return kind satisfies never;
    }
  }

  #injectIntoNode(
    kind: 'crash' | 'crash at a step' | 'clean restart' | 'pause' | 'takeover' | 'clock jump',
  ): boolean {
    const { operator, world, faults } = this.#targets;
    const node = operator.current;
    if (node === undefined) return false;
    switch (kind) {
      case 'crash':
        node.kill('crashed');
        return true;
      case 'crash at a step':
        this.#crashWithin(node, 1 + Math.floor(this.#random() * 300), () => undefined);
        return true;
      case 'clean restart':
        operator.stopCleanly(node);
        return true;
      case 'pause':
        operator.pause(node, 200 + this.#random() ** 2 * 15_000);
        return true;
      case 'takeover':
        operator.pause(node, 500 + this.#random() * 30_000);
        world.after(world.nature, this.#random() * 3_000, 'take over', () => {
          if (this.#isOver) return;
          faults.sometimes('taken over');
          operator.start();
        });
        return true;
      case 'clock jump':
        // Never so far behind that events of now count as of the future: that is refused on purpose.
        node.process.wallOffsetMs =
          Math.round((this.#random() - 0.5) * 2 * 25_000) +
          (this.#areJumpsFar && this.#random() < 0.5 ? HOUR_MS : 0);
        return true;
      default:
        return kind satisfies never;
    }
  }

  #injectIntoActor(kind: 'failed delivery' | 'actor restart' | 'asked resync'): boolean {
    const node = this.#targets.operator.current;
    const { instrument } = this.#pickTruth();
    const instruments = node?.built?.instruments;
    if (node?.status !== 'running' || instruments?.has(instrument) !== true) return false;
    this.#targets.world.soon(node.process, kind, () => {
      if (!instruments.has(instrument)) return;
      if (kind === 'failed delivery') instruments.failNextDelivery(instrument, 'injected by the simulation');
      else if (kind === 'asked resync') instruments.resync(instrument, 'asked by the simulation');
      else instruments.restart(instrument, 'asked by the simulation').catch(() => undefined);
    });
    return true;
  }

  #injectIntoStore(
    kind: 'postgres away' | 'torn snapshot' | 'redis away' | 'redis emptied' | 'redis set back',
  ): boolean {
    const { world, faults, redis } = this.#targets;
    // Now and then longer than appends are tried, so that actors meet an unknown outcome.
    const awayMs =
      this.#random() < 0.2 ? 30_000 + this.#random() * 15_000 : 100 + this.#random() ** 2 * 14_000;
    switch (kind) {
      case 'postgres away':
        if (faults.isPostgresAway) return false;
        faults.isPostgresAway = true;
        world.after(world.nature, awayMs, 'postgres is back', () => (faults.isPostgresAway = false));
        return true;
      case 'redis away':
        if (faults.isRedisAway) return false;
        faults.isRedisAway = true;
        redis.breakConnections();
        world.after(world.nature, awayMs, 'redis is back', () => (faults.isRedisAway = false));
        return true;
      case 'redis emptied':
        redis.empty();
        redis.breakConnections();
        return true;
      case 'redis set back': {
        const setBack = redis.dump();
        world.after(world.nature, this.#random() ** 2 * 12_000, 'redis is set back', () => {
          if (!this.#isOver) setBack();
        });
        return true;
      }
      case 'torn snapshot':
        return this.#tearSnapshot();
      default:
        return kind satisfies never;
    }
  }

  /** Damages the newest snapshot of an instrument, while the one before it is whole. */
  #tearSnapshot(): boolean {
    const { postgres, faults } = this.#targets;
    const row = postgres.tables.instruments.get(this.#pickTruth().instrument);
    if (row === undefined) return false;
    if (!tearNewestSnapshot(postgres.tables, row.id, this.#random)) return false;
    // Whoever reads it next has to use the one before.
    if (this.#random() < 0.7) {
      const node = this.#targets.operator.current;
      node?.kill('crashed after its snapshot was torn');
      faults.sometimes('crash on a torn snapshot');
    }
    return true;
  }

  #injectIntoExchange(
    kind:
      | 'disconnect'
      | 'leave'
      | 'half-open'
      | 'dropped delta'
      | 'duplicated trade'
      | 'crossed book'
      | 'wrong checksum'
      | 'corrupt frame'
      | 'slow snapshot'
      | 'refused rest',
  ): boolean {
    const { markets, world } = this.#targets;
    const { exchange: name, symbol } = this.#pickTruth();
    const exchange = markets.exchanges.get(name)!;
    const { faults } = exchange.protocol;
    switch (kind) {
      case 'disconnect':
        exchange.disconnectAll();
        return true;
      case 'leave':
        return this.#announceClose(exchange);
      case 'half-open':
        exchange.fallSilent(this.#random() * 6_000);
        return true;
      case 'dropped delta':
        faults.arm('dropDelta', symbol.nativeSymbol);
        return true;
      case 'duplicated trade':
        faults.arm('duplicateTrade', symbol.nativeSymbol);
        return true;
      case 'crossed book':
        faults.arm('crossedBook', symbol.nativeSymbol);
        return true;
      case 'wrong checksum':
        if (name !== ('kraken' satisfies ExchangeName)) return false;
        faults.arm('wrongChecksum', symbol.nativeSymbol);
        return true;
      case 'corrupt frame':
        exchange.corruptNext();
        return true;
      case 'slow snapshot':
        faults.snapshotExtraMs = this.#random() * 4_000;
        world.after(world.nature, 8_000, 'quick snapshots', () => (faults.snapshotExtraMs = 0));
        return true;
      case 'refused rest':
        exchange.refuseRest(1 + Math.floor(this.#random() * 2), 1 + Math.floor(this.#random() * 4));
        return true;
      default:
        return kind satisfies never;
    }
  }

  /** The exchange says that it will close its connections, and does so: at once, or so late that they should have been left long ago. */
  #announceClose({ protocol }: NetworkExchange): boolean {
    if (protocol.announceClose === undefined) return false;
    const { world } = this.#targets;
    const close = protocol.announceClose();
    this.#announced.add(close);
    world.after(world.nature, this.#random() ** 2 * 70_000, 'announced close', () => {
      if (this.#announced.delete(close)) close();
    });
    return true;
  }

  #crashWithin(node: SimNode, steps: number, onCrashed: () => void): void {
    let left = steps;
    this.#targets.world.onTask(() => {
      if (left > 0 && --left === 0 && !this.#isOver && node.status !== 'ended') {
        onCrashed();
        node.kill(`crashed after ${steps} steps`);
      }
    });
  }

  #pickTruth(): MarketTruth {
    const { truths } = this.#targets.markets;
    return truths[Math.floor(this.#random() * truths.length)]!;
  }
}
