/** Versions of an instrument's run: what two operators compare so that the second does not undo what the first has just done. */
import type { InstrumentStatus } from '../actors/running-instrument.ts';

/** Grows with each start and each life of its actor, and with each epoch of the node. */
export function versionOf(
  { startNumber, incarnation }: Pick<InstrumentStatus, 'startNumber' | 'incarnation'>,
  epoch: number,
): string {
  return `${epoch}.${startNumber}.${incarnation}`;
}

/** Returns the check that an `If-Match` header stands for; `undefined` where anything will do. */
export function readIfMatch(
  header: string | undefined,
  epoch: number,
): ((status: InstrumentStatus) => boolean) | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const tags = header.split(',').map((tag) => tag.trim());
  return (status) => tags.includes(`"${versionOf(status, epoch)}"`);
}
