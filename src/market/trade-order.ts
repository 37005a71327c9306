/** The order of an instrument's trades: by event time, then by trade id. It decides what opens and what closes, whatever arrives first. */

/** A trade id in its compact form: a `number` when it is a canonical safe integer, else the text as the exchange gave it. */
export type TradeKey = number | string;

const MAX_SAFE_DIGITS = 15;
const DIGITS = /^\d+$/;

/** Returns the compact form of a trade id; different ids give different keys. */
export function toTradeKey(tradeId: string): TradeKey {
  const length = tradeId.length;
  if (length === 0 || length > MAX_SAFE_DIGITS) return tradeId;
  let value = 0;
  for (let index = 0; index < length; index++) {
    const digit = tradeId.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return tradeId;
    value = value * 10 + digit;
  }
  // A leading zero makes another id than the number alone.
  return length > 1 && tradeId.charCodeAt(0) === 48 ? tradeId : value;
}

/**
 * Returns a negative number when `a` comes first, 0 when the ids are the same. Ids of digits alone compare as integers of any size and
 * come before all others, which compare by UTF-16 code units: a total order, also where both kinds meet.
 */
export function compareTradeKeys(a: TradeKey, b: TradeKey): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const aText = String(a);
  const bText = String(b);
  const aIsInteger = DIGITS.test(aText);
  if (aIsInteger !== DIGITS.test(bText)) return aIsInteger ? -1 : 1;
  if (aIsInteger) {
    const aValue = BigInt(aText);
    const bValue = BigInt(bText);
    if (aValue !== bValue) return aValue < bValue ? -1 : 1;
  }
  if (aText === bText) return 0;
  return aText < bText ? -1 : 1;
}

/** Whether the trade at (`aTimeMs`, `aKey`) comes before the one at (`bTimeMs`, `bKey`). */
export function isTradeBefore(aTimeMs: number, aKey: TradeKey, bTimeMs: number, bKey: TradeKey): boolean {
  return aTimeMs === bTimeMs ? compareTradeKeys(aKey, bKey) < 0 : aTimeMs < bTimeMs;
}
