/** Rows of one statement in numbers that are powers of two, the unused ones null: so the statements that are prepared are few. */

/** Returns how many rows a statement for `count` has room for. */
export function rowSlotsFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

/** Returns the parameters of `rowSlots` rows with columns of these types, the first of them `$<first>`. */
export function rowParameters(rowSlots: number, types: readonly string[], first: number): string {
  const rows = Array.from({ length: rowSlots }, (_, row) => {
    const columns = types.map((type, column) => `$${first + row * types.length + column}::${type}`);
    return `(${columns.join(',')})`;
  });
  return rows.join(',');
}
