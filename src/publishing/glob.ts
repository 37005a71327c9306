/**
 * Whether `text` matches a Redis pattern: `*`, `?`, `[a-z]`, `[^x]`, `\` before a literal. Goes back to the last star only, so that no pattern
 * costs more than pattern × text.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let place = 0;
  let starAt = -1;
  let starPlace = 0;
  while (place < text.length) {
    if (pattern.charAt(at) === '*') {
      starAt = at++;
      starPlace = place;
      continue;
    }
    const next = at < pattern.length ? matchOne(pattern, at, text.charAt(place)) : -1;
    if (next >= 0) {
      at = next;
      place++;
    } else if (starAt >= 0) {
      at = starAt + 1;
      place = ++starPlace;
    } else {
      return false;
    }
  }
  while (pattern.charAt(at) === '*') at++;
  return at >= pattern.length;
}

/** Returns the place in the pattern after the element at `at` when that matches the character; −1 when it does not. */
function matchOne(pattern: string, at: number, character: string): number {
  const element = pattern.charAt(at);
  if (element === '?') return at + 1;
  if (element === '\\' && at + 1 < pattern.length) return pattern.charAt(at + 1) === character ? at + 2 : -1;
  if (element !== '[') return element === character ? at + 1 : -1;
  let index = at + 1;
  const isNegated = pattern.charAt(index) === '^';
  if (isNegated) index++;
  let isIn = false;
  while (index < pattern.length && pattern.charAt(index) !== ']') {
    if (pattern.charAt(index) === '\\' && index + 1 < pattern.length) index++;
    const from = pattern.charAt(index);
    const isRange = pattern.charAt(index + 1) === '-' && index + 2 < pattern.length;
    const to = isRange ? pattern.charAt(index + 2) : from;
    if ((character >= from && character <= to) || (character >= to && character <= from)) isIn = true;
    index += isRange ? 3 : 1;
  }
  return isIn !== isNegated ? index + 1 : -1;
}
