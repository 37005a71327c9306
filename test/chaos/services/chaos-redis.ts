/** A Redis of the run's own that is restarted with or without what it held. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedis, redisVersion } from '../../../scripts/services/redis.mjs';
import { ChildServer, freePort } from './child-server.ts';

const DUMP = 'dump.rdb';

export class ChaosRedis {
  readonly port: number;
  readonly #server: ChildServer;
  readonly #folder: string;

  private constructor(port: number, server: ChildServer, folder: string) {
    this.port = port;
    this.#server = server;
    this.#folder = folder;
  }

  static async start(runFolder: string): Promise<ChaosRedis> {
    const folder = join(runFolder, 'redis');
    mkdirSync(folder);
    const port = await freePort();
    const server = new ChildServer({
      name: 'Redis',
      program: findRedis(),
      args: [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        folder,
        '--dbfilename',
        DUMP,
      ],
      folder,
      account: undefined,
      probe: () => redisVersion(`redis://127.0.0.1:${port}`),
    });
    await server.start();
    return new ChaosRedis(port, server, folder);
  }

  /** `onDown` is called while nothing runs. */
  async restart(options: { keepsData: boolean; onDown: () => void | Promise<void> }): Promise<void> {
    if (options.keepsData) await this.#save();
    else rmSync(join(this.#folder, DUMP), { force: true });
    await this.#server.stop('SIGKILL');
    if (!options.keepsData) rmSync(join(this.#folder, DUMP), { force: true });
    await options.onDown();
    await this.#server.start();
  }

  async close(): Promise<void> {
    await this.#server.close('SIGKILL');
  }

  /** Ends it with all it holds on disk. */
  async #save(): Promise<void> {
    const client = new Redis({
      port: this.port,
      host: '127.0.0.1',
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    try {
      await client.call('SHUTDOWN', 'SAVE');
    } catch {
      // The answer is the end of the connection.
    } finally {
      client.disconnect();
    }
    const isGone = async (): Promise<boolean> => {
      for (let tries = 0; tries < 200 && this.#server.isRunning; tries++)
        await new Promise((resolve) => setTimeout(resolve, 25));
      return !this.#server.isRunning;
    };
    if (!(await isGone())) throw new Error('Redis did not end by SHUTDOWN SAVE');
  }
}
