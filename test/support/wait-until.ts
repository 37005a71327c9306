/** Waits for a condition of something real, whose events nobody hands out. A test whose condition never comes ends by its own timeout. */
import { setTimeout as sleep } from 'node:timers/promises';

export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}
