/** JSON that keeps bigints and `undefined` apart from other values, for fixtures. */

export function toFixtureJson(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) => {
    if (typeof held === 'bigint') return { $bigint: held.toString() };
    return held === undefined ? { $undefined: true } : held;
  });
}

export function fromFixtureJson(text: string): unknown {
  return restore(JSON.parse(text));
}

function restore(held: unknown): unknown {
  if (Array.isArray(held)) return held.map(restore);
  if (typeof held !== 'object' || held === null) return held;
  if ('$bigint' in held && typeof held.$bigint === 'string') return BigInt(held.$bigint);
  if ('$undefined' in held) return undefined;
  return Object.fromEntries(Object.entries(held).map(([key, value]) => [key, restore(value)]));
}
