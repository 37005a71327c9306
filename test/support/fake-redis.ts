/** A Redis in memory that the publisher's scripts run on, with its connection, whose events a test tells by itself. */
import { EventEmitter } from 'node:events';
import type { Clock } from '../../src/base/clock.ts';
import { NATIVE_SCRIPTS } from '../../src/publishing/embedded-scripts.ts';
import { Keyspace } from '../../src/publishing/keyspace.ts';
import type { ScriptClient } from '../../src/publishing/redis-client.ts';

export class FakeRedis extends EventEmitter implements ScriptClient {
  readonly isCluster: boolean;
  status = 'ready';
  readonly #keys: Keyspace;

  constructor(clock: Clock, options: { isCluster?: boolean } = {}) {
    super();
    this.isCluster = options.isCluster ?? false;
    this.#keys = new Keyspace(clock);
  }

  get(key: string): string {
    const held = this.#keys.get(key);
    return held?.type === 'string' ? held.text : '';
  }

  set(key: string, text: string): void {
    this.#keys.set(key, { type: 'string', text });
  }

  evalsha(sha: string, keyCount: number, ...rest: (string | number)[]): Promise<unknown> {
    if (this.status !== 'ready') return Promise.reject(new Error('Connection is closed.'));
    const all = rest.map(String);
    const context = { keys: this.#keys, publish: () => undefined };
    return Promise.resolve(NATIVE_SCRIPTS.get(sha)!(context, all.slice(0, keyCount), all.slice(keyCount)));
  }

  eval(): Promise<unknown> {
    return Promise.reject(new Error('it knows all scripts'));
  }

  disconnect(): void {
    this.status = 'end';
  }
}
