/** Times and ages as text. All times are UTC: an operator in one place and an exchange in another mean the same moment. */

export function clockText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 19);
}

export function clockTextWithMs(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 23);
}

export function dateTimeText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** `0.4 s`, `12 s`, `3 min`, `5 h`, `2 d`: of one width, or nearly, so that a column of them stays where it is. */
export function ageText(ageMs: number): string {
  const ms = Math.max(0, ageMs);
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.floor(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}
