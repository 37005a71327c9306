/**
 * A Redis that only one test file uses. Nodes of two files that follow instruments of the same names would be two owners of the same keys, and the
 * one with the smaller epochs would publish nothing.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChaosRedis } from '../chaos/services/chaos-redis.ts';

export type OwnRedis = { readonly url: string; readonly close: () => Promise<void> };

export async function startOwnRedis(): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'tampines-redis-'));
  const server = await ChaosRedis.start(folder);
  return {
    url: `redis://127.0.0.1:${server.port}`,
    close: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
