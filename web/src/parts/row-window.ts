/** Which rows of a long list are in sight, so that only these are drawn. */

export type RowWindow = { readonly first: number; /** Exclusive. */ readonly end: number };

/** Rows beyond either edge, so that a turn of the wheel finds them drawn. */
const MARGIN_ROWS = 8;

export function rowsInSight(of: {
  readonly scrollTop: number;
  readonly viewHeight: number;
  readonly rowHeight: number;
  readonly rowCount: number;
}): RowWindow {
  const { scrollTop, viewHeight, rowHeight, rowCount } = of;
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - MARGIN_ROWS);
  const end = Math.min(rowCount, Math.ceil((scrollTop + viewHeight) / rowHeight) + MARGIN_ROWS);
  return { first: Math.min(first, end), end };
}
