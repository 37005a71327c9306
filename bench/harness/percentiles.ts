/** Returns a distribution of times in words: `p50 1.0, p99 4.2, most 9.7 ms (1,000)`. */
export function percentiles(valuesMs: readonly number[]): string {
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? NaN).toFixed(1);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, most ${sorted.at(-1)?.toFixed(1) ?? 'none'} ms (${sorted.length.toLocaleString('en-US')})`;
}
