import { expect, it } from 'vitest';
import { parseSince } from '../../../src/cli/operator/since.ts';

const NOW_MS = Date.UTC(2026, 10, 28, 12);

it.each([
  ['10m', NOW_MS - 600_000],
  ['2h', NOW_MS - 7_200_000],
  ['1d', NOW_MS - 86_400_000],
  ['250ms', NOW_MS - 250],
  ['90s', NOW_MS - 90_000],
  ['999999999d', 0],
  [String(NOW_MS), NOW_MS],
  ['2026-11-28', Date.UTC(2026, 10, 28)],
  ['2026-11-28T09:30', Date.UTC(2026, 10, 28, 9, 30)],
  ['2026-11-28 09:30:15.5', Date.UTC(2026, 10, 28, 9, 30, 15, 500)],
  ['2026-11-28T09:30Z', Date.UTC(2026, 10, 28, 9, 30)],
  ['2026-11-28T09:30+08:00', Date.UTC(2026, 10, 28, 1, 30)],
])('%s is %d', (text, timeMs) => expect(parseSince(text, NOW_MS)).toBe(timeMs));

it.each(['', 'yesterday', '10', '10 m', '-5m', '2026-13-01', '2026-11-28T25:00', '1e12', '5M'])(
  '%j is no time',
  (text) => expect(parseSince(text, NOW_MS)).toBeUndefined(),
);
