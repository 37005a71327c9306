/** A saved state whose bytes were spoilt behind everybody's back: a bit, the end, all of them, or those of another row. */
import type { RandomSource } from '../../../src/base/clock.ts';
import type { PostgresTables } from '../models/postgres-tables.ts';

/** Damages the newest snapshot of the instrument. Returns false, and does nothing, where the one before it is not there or not whole. */
export function tearNewestSnapshot(
  tables: PostgresTables,
  instrumentId: number,
  random: RandomSource,
): boolean {
  const [before, newest] = tables.snapshotsOf(instrumentId).slice(-2);
  if (before === undefined || newest === undefined) return false;
  if (before.isDamaged === true || newest.isDamaged === true) return false;
  const kind = random();
  if (kind < 0.4) {
    const bytes = Uint8Array.from(newest.state);
    bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
    newest.state = bytes;
  } else if (kind < 0.7) newest.state = newest.state.slice(0, Math.floor(newest.state.length * random()));
  else if (kind < 0.85 && !Buffer.from(before.state).equals(newest.state)) newest.state = before.state;
  else newest.state = new Uint8Array();
  newest.isDamaged = true;
  return true;
}
