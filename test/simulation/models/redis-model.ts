/** Redis as the publisher uses it: our own scripts on the embedded server's keyspace, behind a connection that can break. */
import type { RandomSource } from '../../../src/base/clock.ts';
import { NATIVE_SCRIPTS } from '../../../src/publishing/embedded-scripts.ts';
import { Keyspace } from '../../../src/publishing/keyspace.ts';
import type { ScriptClient } from '../../../src/publishing/redis-client.ts';
import { SCRIPTS } from '../../../src/publishing/scripts.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { History } from '../history.ts';
import type { Process, World } from '../world/world.ts';

const COMMAND_TIMEOUT_MS = 5_000;
const CONNECT_MS = 3;

/** The server and what it holds. */
export class RedisModel {
  readonly clients = new Set<SimRedisClient>();
  readonly history: History;
  readonly #world: World;
  #keys: Keyspace;
  /** Scripts that it was sent in full since it last started. */
  readonly #loaded = new Set<string>();
  /** How often it lost what it held, or a part of it. */
  life = 0;
  /** Told of each value that was set and published. */
  onPublished: (channel: string, text: string) => void = () => undefined;

  /** It has come back with older values. */
  onSetBack: () => void = () => undefined;

  constructor(world: World, history: History) {
    this.#world = world;
    this.history = history;
    this.#keys = new Keyspace(world.clockOf(world.nature));
  }

  get(key: string): string | undefined {
    const held = this.#keys.get(key);
    return held?.type === 'string' ? Buffer.from(held.text, 'latin1').toString('utf8') : undefined;
  }

  keys(): string[] {
    return this.#keys.keys();
  }

  /** The texts that a key holds, those of a list newest first. */
  values(key: string): string[] {
    const held = this.#keys.get(key);
    const texts =
      held?.type === 'list' ? held.items.toReversed() : held?.type === 'string' ? [held.text] : [];
    return texts.map((text) => Buffer.from(text, 'latin1').toString('utf8'));
  }

  /** It restarts with nothing in it. */
  empty(): void {
    this.#keys = new Keyspace(this.#world.clockOf(this.#world.nature));
    this.#loaded.clear();
    this.life++;
  }

  /** Returns what brings it back to what it holds now, with the expiry that its keys have now: it restarts from a dump, or a replica takes over that lags. */
  dump(): () => void {
    const nowMs = this.#world.elapsedMs;
    const held = this.#keys.keys().map((key) => ({
      key,
      value: structuredClone(this.#keys.get(key)!),
      ttlMs: this.#keys.ttlMs(key),
    }));
    return () => {
      this.empty();
      const passedMs = this.#world.elapsedMs - nowMs;
      for (const { key, value, ttlMs } of held) {
        if (ttlMs < 0) this.#keys.set(key, value);
        else if (ttlMs > passedMs) this.#keys.set(key, value, ttlMs - passedMs);
      }
      this.breakConnections();
      this.onSetBack();
    };
  }

  breakConnections(): void {
    for (const client of this.clients) client.lose();
  }

  evaluate(
    script: { sha: string } | { lua: string },
    keys: readonly string[],
    args: readonly string[],
  ): unknown {
    let sha: string;
    if ('lua' in script) {
      const known = SCRIPTS.find(({ lua }) => lua === script.lua);
      if (known === undefined) throw new Error('The Redis model does not know this script');
      sha = known.sha;
      this.#loaded.add(sha);
    } else {
      sha = script.sha;
      if (!this.#loaded.has(sha)) throw new Error('NOSCRIPT No matching script. Please use EVAL.');
    }
    const reply = NATIVE_SCRIPTS.get(sha)!(
      { keys: this.#keys, publish: (channel, message) => this.#publish(channel, message) },
      keys,
      args.map((arg) => Buffer.from(arg, 'utf8').toString('latin1')),
    );
    if (typeof reply === 'object' && 'error' in reply) throw new Error(reply.error);
    return reply;
  }

  #publish(channel: string, message: string): void {
    const text = Buffer.from(message, 'latin1').toString('utf8');
    const head = /^\{"epoch":(\d+),"seq":(\d+)/.exec(text);
    if (head === null) throw new Error(`A published text has no epoch and seq: ${text.slice(0, 80)}`);
    this.history.published.push({
      order: this.history.nextOrder(),
      timeMs: this.#world.nowMs,
      key: channel,
      epoch: Number(head[1]),
      seq: Number(head[2]),
      text,
      life: this.life,
    });
    this.onPublished(channel, text);
  }
}

type Listeners = {
  error: ((error: Error) => void)[];
  close: (() => void)[];
  ready: (() => void)[];
  end: (() => void)[];
  '+node': (() => void)[];
  '-node': (() => void)[];
};

/** One process's connection: it opens by itself, and again for ever, like the real client. */
export class SimRedisClient implements ScriptClient {
  readonly isCluster = false;
  status = 'connecting';
  readonly #world: World;
  readonly #process: Process;
  readonly #server: RedisModel;
  readonly #faults: FaultSwitches;
  readonly #random: RandomSource;
  readonly #listeners: Listeners = {
    error: [],
    close: [],
    ready: [],
    end: [],
    '+node': [],
    '-node': [],
  };
  /** Commands without an answer yet. */
  readonly #underway = new Set<(error: Error) => void>();
  #isClosed = false;
  #line = 0;

  constructor(options: { world: World; process: Process; server: RedisModel; faults: FaultSwitches }) {
    this.#world = options.world;
    this.#process = options.process;
    this.#server = options.server;
    this.#faults = options.faults;
    this.#random = options.world.stream(`redis of ${options.process.name}`);
    this.#server.clients.add(this);
    this.#connect(CONNECT_MS);
  }

  on(event: 'error', listener: (error: Error) => void): void;
  on(event: Exclude<keyof Listeners, 'error'>, listener: () => void): void;
  on(event: keyof Listeners, listener: ((error: Error) => void) & (() => void)): void {
    this.#listeners[event].push(listener);
  }

  off(event: 'ready' | 'end', listener: () => void): void {
    this.#listeners[event] = this.#listeners[event].filter((each) => each !== listener);
  }

  evalsha(sha: string, keyCount: number, ...rest: (string | number)[]): Promise<unknown> {
    return this.#call({ sha }, keyCount, rest);
  }

  eval(lua: string, keyCount: number, ...rest: (string | number)[]): Promise<unknown> {
    return this.#call({ lua }, keyCount, rest);
  }

  disconnect(reconnect = false): void {
    this.#isClosed ||= !reconnect;
    this.#drop();
    if (this.#isClosed) {
      this.status = 'end';
      this.#server.clients.delete(this);
      this.#later(0, () => this.#tell('end'));
    }
  }

  /** The server or the way to it is gone. */
  lose(): void {
    this.#later(0, () => this.#drop());
  }

  #drop(): void {
    if (this.status === 'end') return;
    this.#line++;
    this.status = 'reconnecting';
    for (const fail of [...this.#underway]) fail(new Error('Connection is closed.'));
    this.#tell('close');
    if (!this.#isClosed) this.#connect(50 + this.#random() * 400);
  }

  #connect(delayMs: number): void {
    const line = this.#line;
    this.#later(delayMs, () => {
      if (this.#isClosed || line !== this.#line || this.status === 'ready') return;
      if (this.#faults.isRedisAway) {
        for (const listener of this.#listeners.error) listener(new Error('connect ECONNREFUSED'));
        this.#connect(100 + this.#random() * 1_500);
        return;
      }
      this.status = 'ready';
      this.#tell('ready');
    });
  }

  #call(
    script: { sha: string } | { lua: string },
    keyCount: number,
    rest: readonly (string | number)[],
  ): Promise<unknown> {
    if (this.status !== 'ready') {
      return Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
    }
    const keys = rest.slice(0, keyCount).map(String);
    const args = rest.slice(keyCount).map(String);
    const line = this.#line;
    return new Promise((resolve, reject) => {
      let isSettled = false;
      const settle = (action: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        this.#underway.delete(fail);
        action();
      };
      const fail = (error: Error): void => settle(() => reject(toError(error)));
      this.#underway.add(fail);
      this.#later(COMMAND_TIMEOUT_MS, () => fail(new Error('Command timed out')));
      const travelMs = this.#faults.rates.redisMs * (0.3 + 1.4 * this.#random());
      this.#world.after(this.#world.nature, travelMs, 'redis command', () => {
        // What was on its way when the line broke may still have come through.
        if (this.#faults.isRedisAway || (line !== this.#line && this.#random() < 0.5)) return;
        const isLost = this.#random() < this.#faults.rates.redisLostRate;
        let outcome: () => void;
        try {
          const reply = this.#server.evaluate(script, keys, args);
          outcome = () => resolve(reply);
        } catch (error) {
          // What the model can't do is a fault of the simulation, not of the server.
          if (!isRedisError(error)) this.#world.uncaught.push({ process: this.#process, error });
          outcome = () => reject(toError(error));
        }
        if (isLost) {
          this.#faults.count('redis answer lost');
          this.lose();
        } else {
          this.#later(travelMs, () => {
            if (line === this.#line) settle(outcome);
          });
        }
      });
    });
  }

  #later(delayMs: number, action: () => void): void {
    this.#world.after(this.#process, delayMs, 'redis', action);
  }

  #tell(event: 'close' | 'ready' | 'end'): void {
    for (const listener of [...this.#listeners[event]]) listener();
  }
}

/** Whether the server itself would have answered so. */
function isRedisError(error: unknown): boolean {
  return error instanceof Error && /^(?:NOSCRIPT|WRONGTYPE|ERR)\b/.test(error.message);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
