/** Reads a time as people write it on a command line. */
import { systemClock } from '../../base/clock.ts';
import { CommandFailure, EXIT_CODES } from '../exit-codes.ts';
import { toPrintable } from '../text-table.ts';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Returns Unix ms of `10m` (that long ago; also ms, s, h, d), of an ISO 8601 time or of Unix ms; `undefined` where it is none. */
export function parseSince(text: string, nowMs: number): number | undefined {
  const ago = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  if (ago !== null) {
    return Math.max(0, nowMs - Number.parseInt(ago[1]!, 10) * UNIT_MS[ago[2] as keyof typeof UNIT_MS]);
  }
  if (/^\d{12,15}$/.test(text)) return Number.parseInt(text, 10);
  const isIso = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  // A time without a zone would be read as that of this machine; all of ours are UTC.
  const zoned = /T|\s/.test(text) && !/(Z|[+-]\d{2}:\d{2})$/.test(text) ? `${text}Z` : text;
  const timeMs = isIso ? Date.parse(zoned.replace(' ', 'T')) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** @throws CommandFailure */
export function readSince(text: string): number {
  const timeMs = parseSince(text, systemClock.nowMs());
  if (timeMs !== undefined) return timeMs;
  throw new CommandFailure(
    EXIT_CODES.usage,
    `--since wants 10m, 2h, 2026-11-28T09:00 or Unix ms, was '${toPrintable(text)}'`,
  );
}
