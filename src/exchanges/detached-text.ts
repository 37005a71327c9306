/**
 * Returns the first `maxChars` characters of `text` as text of its own. A plain `slice` keeps the whole of what it was cut from in memory:
 * a thousand reasons that quote a few characters of large frames would hold gigabytes. Half of a surrogate pair at the cut becomes U+FFFD.
 */
export function detachedText(text: string, maxChars: number): string {
  return Buffer.from(text.slice(0, maxChars), 'utf8').toString('utf8');
}
