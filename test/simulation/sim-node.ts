/** One node of the product in a simulated process, wired as `main.ts` wires it, on models in place of servers. */
import type { OperationsRecords } from '../../src/actors/ports.ts';
import { momentOf } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import type { BuiltNode } from '../../src/build-node.ts';
import { SHARD, buildNode } from '../../src/build-node.ts';
import { Closers } from '../../src/closers.ts';
import { createStorage } from '../../src/persistence/open-storage.ts';
import { askWhoseShard } from '../../src/persistence/shard-holder.ts';
import type { Settings } from '../../src/settings-schema.ts';
import type { FaultSwitches } from './faults/fault-switches.ts';
import type { NetworkExchange } from './models/market-network.ts';
import { NetworkTransport } from './models/market-network.ts';
import type { PostgresServer } from './models/postgres-server.ts';
import type { RedisModel } from './models/redis-model.ts';
import { SimRedisClient } from './models/redis-model.ts';
import { SimDatabase } from './models/sim-database.ts';
import { Process } from './world/world.ts';
import type { World } from './world/world.ts';

export type SimSurroundings = {
  readonly world: World;
  readonly settings: Settings;
  readonly postgres: PostgresServer;
  readonly redis: RedisModel;
  readonly exchanges: ReadonlyMap<string, NetworkExchange>;
  readonly faults: FaultSwitches;
  /** Gets the log of every node. */
  readonly onLog: (process: Process, level: string, fields: object, message: string) => void;
};

export class SimNode {
  readonly process: Process;
  built: BuiltNode | undefined;
  epoch = 0;
  /** `ended`: it closed itself, was killed, or never came up. */
  status: 'starting' | 'running' | 'closing' | 'ended' = 'starting';
  readonly #surroundings: SimSurroundings;
  readonly #transport: NetworkTransport;
  readonly #onEnded: (node: SimNode, why: string) => void;
  #client: SimRedisClient | undefined;
  #closers: Closers | undefined;

  constructor(name: string, surroundings: SimSurroundings, onEnded: (node: SimNode, why: string) => void) {
    const { world, exchanges, faults } = surroundings;
    this.process = new Process(name);
    this.#surroundings = surroundings;
    this.#onEnded = onEnded;
    this.#transport = new NetworkTransport({ world, process: this.process, exchanges, faults });
    world.soon(this.process, 'start', () => void this.#start());
  }

  /** `kill -9`: nothing of it ever runs again; what it sent is still on its way. */
  kill(why: string): void {
    if (this.status === 'ended') return;
    this.status = 'ended';
    this.#surroundings.world.kill(this.process);
    this.#transport.abandon();
    if (this.#client !== undefined) this.#surroundings.redis.clients.delete(this.#client);
    this.#onEnded(this, why);
  }

  /** The ordered shutdown. */
  stop(why: string): void {
    if (this.status === 'closing' || this.status === 'ended') return;
    this.status = 'closing';
    this.#surroundings.world.soon(this.process, 'stop', () => {
      // Told to stop before it had begun, it has nothing to close.
      if (this.#closers === undefined) this.kill(why);
      else void this.#closers.closeAll().then(() => this.kill(why));
    });
  }

  async #start(): Promise<void> {
    const { world, settings, postgres, redis, faults } = this.#surroundings;
    const clock = world.clockOf(this.process);
    const timers = world.timersOf(this.process);
    const surroundings = {
      clock,
      timers,
      random: world.stream(`chance of ${this.process.name}`),
      log: this.#log(),
    };
    const closers = new Closers({
      log: surroundings.log,
      deadlineMs: settings.shutdown.deadlineMs,
      clock,
      timers,
    });
    this.#closers = closers;
    try {
      const database = new SimDatabase({
        world,
        process: this.process,
        server: postgres,
        faults,
        schema: settings.postgres.schema,
      });
      const storage = createStorage(database, surroundings);
      this.#watchPoison(storage.records);
      closers.add('storage', () => storage.close());
      const claimedAt = momentOf(clock);
      const claim = await storage.journal.claim(SHARD, this.process.name);
      this.epoch = claim.epoch;
      const built = buildNode({
        settings,
        surroundings,
        storage,
        redis: {
          url: 'redis://redis.sim',
          connect: () =>
            (this.#client = new SimRedisClient({ world, process: this.process, server: redis, faults })),
        },
        transport: this.#transport,
        claim,
        lease: {
          claimed: claim,
          claimedAt,
          ask: (timeoutMs) => askWhoseShard(database, claim, timeoutMs),
        },
        closers,
        runId: this.process.name,
      });
      this.built = built;
      void built.whenFenced.then(() => {
        faults.sometimes('node fenced');
        this.stop('fenced');
      });
      await built.instruments.start();
      built.keepWanted();
      if (this.#isStarting()) this.status = 'running';
    } catch (error) {
      await closers.closeAll();
      this.kill(`could not start: ${String(error)}`);
    }
  }

  /** Letters queue in the process, so a crash may lose them: what the node gave up is noted where it says so. */
  #watchPoison(records: OperationsRecords): void {
    const record = records.recordDeadLetter.bind(records);
    const { history } = this.#surroundings.postgres;
    records.recordDeadLetter = (letter) => {
      if (letter.reason === 'poison') history.poison.push(letter);
      record(letter);
    };
  }

  /** A method, for it changes while its reader awaits. */
  hasEnded(): boolean {
    return this.status === 'ended';
  }

  #isStarting(): boolean {
    return this.status === 'starting';
  }

  #log(): Log {
    const { onLog } = this.#surroundings;
    const write =
      (level: string) =>
      (fields: object, message: string): void =>
        onLog(this.process, level, fields, message);
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  }
}
