/** Compares a replay's summary with the results of the separate reader (`.expected.json`): every field that both have must be equal. */

type Tree = Readonly<Record<string, unknown>>;

/** Fields that a summary must have computed where the expected results have them. */
const REQUIRED_BOOK_FIELDS = [
  'snapshots', 'updates', 'applied', 'ignored_stale', 'checksums_ok', 'checksums_bad', 'gaps', 'final_sequence', 'levels', 'final_top20',
]; // prettier-ignore
const REQUIRED_TRADE_FIELDS = ['count', 'volume', 'quote_volume', 'vwap', 'high', 'low'];

/** Returns every difference in words; empty when the summary agrees. */
export function compareSummary(summary: Tree, expected: Tree): string[] {
  const differences: string[] = [];
  const symbols = asTree(summary['symbols']);
  const expectedSymbols = asTree(expected['symbols']);
  for (const [symbol, wanted] of Object.entries(expectedSymbols)) {
    const got = symbols[symbol];
    if (got === undefined) {
      if (hasMarketData(asTree(wanted))) differences.push(`${symbol}: missing in the summary`);
      continue;
    }
    compareBook(symbol, asTree(got)['book'], asTree(wanted)['book'], differences);
    compareTrades(symbol, asTree(got)['trades'], asTree(wanted)['trades'], differences);
  }
  for (const symbol of Object.keys(symbols)) {
    if (!(symbol in expectedSymbols)) differences.push(`${symbol}: not expected`);
  }
  return differences;
}

function hasMarketData(wanted: Tree): boolean {
  const book = asTree(wanted['book'] ?? {});
  const trades = asTree(wanted['trades'] ?? {});
  return Number(book['snapshots'] ?? 0) > 0 || Number(asTree(trades['all'] ?? {})['count'] ?? 0) > 0;
}

function compareBook(symbol: string, got: unknown, wanted: unknown, differences: string[]): void {
  if (wanted === undefined) return;
  if (got === undefined) {
    if (Number(asTree(wanted)['snapshots']) > 0) differences.push(`${symbol}: no book`);
    return;
  }
  for (const field of REQUIRED_BOOK_FIELDS) {
    if (!(field in asTree(got))) differences.push(`${symbol}.book.${field}: not computed`);
  }
  compareFields(`${symbol}.book`, asTree(got), asTree(wanted), differences);
}

function compareTrades(symbol: string, got: unknown, wanted: unknown, differences: string[]): void {
  if (wanted === undefined) return;
  for (const part of ['live', 'all']) {
    const wantedPart = asTree(asTree(wanted)[part] ?? {});
    const gotPart = asTree(asTree(got ?? {})[part] ?? {});
    if (Number(wantedPart['count'] ?? 0) === 0) {
      if (Number(gotPart['count'] ?? 0) !== 0) differences.push(`${symbol}.trades.${part}: not expected`);
      continue;
    }
    for (const field of REQUIRED_TRADE_FIELDS) {
      if (!(field in gotPart)) differences.push(`${symbol}.trades.${part}.${field}: not computed`);
    }
    compareFields(`${symbol}.trades.${part}`, gotPart, wantedPart, differences);
  }
}

function compareFields(where: string, got: Tree, wanted: Tree, differences: string[]): void {
  for (const [field, value] of Object.entries(wanted)) {
    if (!(field in got)) continue;
    const left = JSON.stringify(canonical(field, got[field]));
    const right = JSON.stringify(canonical(field, value));
    if (left !== right)
      differences.push(`${where}.${field}: was ${left.slice(0, 200)}, expected ${right.slice(0, 200)}`);
  }
}

/** Receive times are kept to the millisecond; recordings have a fraction. Key order means nothing. */
function canonical(field: string, value: unknown): unknown {
  if (field === 'gaps' && Array.isArray(value)) {
    return (value as Tree[]).map((gap) => [Math.floor(Number(gap['t'])), gap['expected'], gap['got']]);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, inner]) => [name, canonical(name, inner)]),
    );
  }
  return value;
}

function asTree(value: unknown): Tree {
  if (typeof value !== 'object' || value === null)
    throw new Error(`expected an object, was ${JSON.stringify(value)}`);
  return value as Tree;
}
