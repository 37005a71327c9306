/** One process's way to the table of leases: each statement may meet its fate. */
import { TampinesError } from '../../../../src/base/errors.ts';
import type { LeaseTable } from '../../../../src/cluster/ports.ts';
import type { Process, World } from '../../world/world.ts';
import type { CallPoints, Fate } from '../cluster/call-points.ts';
import { FATES, never, OF_A_READING } from '../cluster/call-points.ts';
import { LATE_MS } from './watched-writer.ts';

const TRAVEL_MS = 3;

export function watchLeases(
  table: LeaseTable,
  { world, process, points }: { world: World; process: Process; points: CallPoints },
): LeaseTable {
  const call = <Value>(
    name: string,
    fates: readonly Fate[],
    execute: () => Promise<Value>,
  ): Promise<Value> => {
    if (process.isDead) return never();
    const fate = points.next(`leases: ${name}`, fates);
    if (fate === 'dies before' || fate === 'dies, done late') {
      points.kill(process);
      if (fate === 'dies, done late') world.after(world.nature, LATE_MS, 'done late', () => void execute());
      return never();
    }
    return new Promise((resolve, reject) => {
      const answer = (tell: () => void): void => void world.after(process, TRAVEL_MS, 'answer', tell);
      world.after(world.nature, TRAVEL_MS, name, () => {
        if (fate === 'lost') {
          answer(() => reject(away()));
          return;
        }
        const done = execute();
        if (fate === 'done, dies') points.kill(process);
        void done.then((value) =>
          answer(() => (fate === 'done, answer lost' ? reject(away()) : resolve(value))),
        );
      });
    });
  };
  return {
    read: (leaseMs) => call('read', OF_A_READING, () => table.read(leaseMs)),
    take: (...args) => call('take', FATES, () => table.take(...args)),
    renew: (...args) => call('renew', FATES, () => table.renew(...args)),
    announce: (...args) => call('announce', FATES, () => table.announce(...args)),
    release: (...args) => call('release', FATES, () => table.release(...args)),
    releaseAll: (holder) => call('release all', FATES, () => table.releaseAll(holder)),
  };
}

function away(): TampinesError {
  return new TampinesError('SERVICE_UNAVAILABLE', 'the database can not be reached', { isRetryable: true });
}
