/**
 * Decimal text, as the node tells prices and quantities: compared and added digit by digit, never read as a binary float. What is shown is either the
 * very text that came, or exact arithmetic on it.
 */

/** An integer, and how many of its digits are behind the point. */
type Exact = { readonly units: bigint; readonly scale: number };

function read(text: string): Exact {
  const point = text.indexOf('.');
  if (point < 0) return { units: BigInt(text), scale: 0 };
  return { units: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
}

function unitsAt({ units, scale }: Exact, wanted: number): bigint {
  return units * 10n ** BigInt(wanted - scale);
}

function write(units: bigint, scale: number): string {
  if (scale === 0) return units.toString();
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0');
  const decimals = digits.slice(-scale).replace(/0+$/, '');
  const whole = digits.slice(0, -scale);
  return `${units < 0n ? '-' : ''}${whole}${decimals === '' ? '' : `.${decimals}`}`;
}

/** Returns -1 where `a` is less, 1 where it is more. */
export function compareDecimals(a: string, b: string): number {
  const left = read(a);
  const right = read(b);
  const scale = Math.max(left.scale, right.scale);
  const difference = unitsAt(left, scale) - unitsAt(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function addDecimals(a: string, b: string): string {
  const left = read(a);
  const right = read(b);
  const scale = Math.max(left.scale, right.scale);
  return write(unitsAt(left, scale) + unitsAt(right, scale), scale);
}

export function subtractDecimals(a: string, b: string): string {
  return addDecimals(a, b.startsWith('-') ? b.slice(1) : `-${b}`);
}

/** Returns `part` in hundredths of a percent of `whole`, cut to two decimals; `undefined` where `whole` is 0. */
export function basisPoints(part: string, whole: string): string | undefined {
  const over = read(part);
  const under = read(whole);
  const scale = Math.max(over.scale, under.scale);
  const divisor = unitsAt(under, scale);
  if (divisor === 0n) return undefined;
  const hundredths = (unitsAt(over, scale) * 1_000_000n) / divisor;
  const size = hundredths < 0n ? -hundredths : hundredths;
  return `${hundredths < 0n ? '-' : ''}${size / 100n}.${(size % 100n).toString().padStart(2, '0')}`;
}

/** Returns the text cut (not rounded) behind so many decimals; what is cut to nothing has no sign. */
export function cutDecimals(text: string, decimals: number): string {
  const point = text.indexOf('.');
  const cut = point < 0 ? text : text.slice(0, point + (decimals === 0 ? 0 : decimals + 1));
  return signOf(cut) === 'same' ? cut.replace('-', '') : cut;
}

/** Digits behind the point; none in what is unknown. */
export function decimalsOf(text: string | null | undefined): number {
  if (text === null || text === undefined) return 0;
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

export function signOf(text: string): 'up' | 'down' | 'same' {
  if (/^-?[0.]*$/.test(text)) return 'same';
  return text.startsWith('-') ? 'down' : 'up';
}

/** Returns the zeros, and the point before them, that bring a text to so many decimals, so that columns stand point under point. */
export function zerosBehind(text: string, decimals: number): string {
  const has = decimalsOf(text);
  if (has >= decimals) return '';
  return (has === 0 ? '.' : '') + '0'.repeat(decimals - has);
}
