/**
 * Runs of trade ids as bytes: of each its first id − the last one of the run before (at first: 0), then its last id − its first. Ids are long
 * integers where an exchange leaves holes between them, thousands of them, and as digits they were half of what a state took to read.
 */
import { IntegerReader, IntegerWriter } from '../market/integer-bytes.ts';
import type { TradeIdentitiesSnapshot } from '../market/trade-identities.ts';
import type { Units } from '../market/units.ts';
import { addUnits, subtractUnits } from '../market/units.ts';

type TradeRuns = Pick<TradeIdentitiesSnapshot, 'runStarts' | 'runEnds'>;

const EXPECTED_RUN_BYTES = 4;

export function packTradeRuns({ runStarts, runEnds }: TradeRuns): Uint8Array {
  const writer = new IntegerWriter(runStarts.length * EXPECTED_RUN_BYTES);
  let before: Units = 0;
  for (const [index, start] of runStarts.entries()) {
    const end = runEnds[index]!;
    writer.write(subtractUnits(start, before));
    writer.write(subtractUnits(end, start));
    before = end;
  }
  return writer.take();
}

/** @throws RangeError when the bytes are not those of runs */
export function unpackTradeRuns(bytes: Uint8Array): TradeRuns {
  const reader = new IntegerReader(bytes, 0, bytes.length);
  const runStarts: Units[] = [];
  const runEnds: Units[] = [];
  let before: Units = 0;
  while (!reader.isAtEnd) {
    const start = addUnits(before, reader.read());
    const length = reader.read();
    // Most runs of long integers are of one id, which is then kept once.
    before = length === 0 ? start : addUnits(start, length);
    runStarts.push(start);
    runEnds.push(before);
  }
  return { runStarts, runEnds };
}
