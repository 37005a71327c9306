/** A Postgres of the run's own, on a small disk of its own where mounting is allowed: it is shut down hard, and its disk is filled. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findPostgres, postgresVersion, serverAccount } from '../../../scripts/services/postgres.mjs';
import { ChildServer, freePort } from './child-server.ts';

/** Room for the tables of an hour, the history that was not taken yet, and the write-ahead log. */
const DISK_MB = 1_024;
/** Programs of the system that a run without root or Linux does without: then no disk is filled. */
const MOUNT = 'mount';
const UNMOUNT = 'umount';
const FILL = 'fallocate';

const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'max_connections=60',
  'max_wal_size=128MB',
  'min_wal_size=48MB',
  'log_min_messages=fatal',
];

export class ChaosPostgres {
  readonly port: number;
  readonly #server: ChildServer;
  readonly #disk: string;
  readonly isDiskSmall: boolean;
  readonly #filler: string;

  private constructor(options: { port: number; server: ChildServer; disk: string; isDiskSmall: boolean }) {
    this.port = options.port;
    this.#server = options.server;
    this.#disk = options.disk;
    this.isDiskSmall = options.isDiskSmall;
    this.#filler = join(options.disk, 'filler');
  }

  static async start(folder: string): Promise<ChaosPostgres> {
    const program = findPostgres();
    const account = serverAccount();
    const disk = join(folder, 'postgres');
    mkdirSync(disk);
    const isDiskSmall =
      spawnSync(MOUNT, ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tampines-chaos', disk]).status === 0;
    if (account !== undefined) chownSync(disk, account.uid, account.gid);
    const data = join(disk, 'data');
    try {
      execFileSync(
        join(dirname(program), 'initdb'),
        ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
        { cwd: disk, stdio: ['ignore', 'ignore', 'pipe'], ...account },
      );
      const port = await freePort();
      const settings = [...SETTINGS, `unix_socket_directories=${disk}`].flatMap((setting) => ['-c', setting]);
      const server = new ChildServer({
        name: 'Postgres',
        program,
        args: ['-D', data, '-F', '-p', String(port), ...settings],
        folder: disk,
        account,
        probe: () => postgresVersion(urlOf(port)),
      });
      const postgres = new ChaosPostgres({ port, server, disk, isDiskSmall });
      await server.start();
      return postgres;
    } catch (error) {
      if (isDiskSmall) unmount(disk);
      throw error;
    }
  }

  /** Past all proxies. */
  get url(): string {
    return urlOf(this.port);
  }

  /** `immediate`: as by a crash, what was committed is recovered from the log. `fast`: sessions are ended, then it closes in order. */
  async restart(mode: 'immediate' | 'fast'): Promise<void> {
    await this.#server.stop(mode === 'immediate' ? 'SIGQUIT' : 'SIGINT');
    await this.#server.start();
  }

  /** Leaves not a byte free; the tables and the write-ahead log can grow no more. */
  fillDisk(): void {
    const { bavail, bsize } = statfsSync(this.#disk);
    spawnSync(FILL, ['-l', String(bavail * bsize), this.#filler]);
    try {
      // What became free meanwhile, and what fallocate rounded away.
      for (let count = 0; count < 64; count++)
        writeFileSync(this.#filler, Buffer.alloc(65_536), { flag: 'a' });
    } catch {
      // Full.
    }
  }

  /** Frees the disk. A server that gave up for want of room is started again. */
  async freeDisk(): Promise<void> {
    rmSync(this.#filler, { force: true });
    if (!this.#server.isRunning) await this.#server.start();
  }

  async close(): Promise<void> {
    await this.#server.close('SIGQUIT');
    if (this.isDiskSmall) unmount(this.#disk);
  }
}

function unmount(disk: string): void {
  if (spawnSync(UNMOUNT, [disk]).status !== 0) spawnSync(UNMOUNT, ['-l', disk]);
}

function urlOf(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
