/** Tables for people: columns of text in lines, aligned on a terminal's cells. What is shown may come from anyone, so it never moves the cursor. */

export type Column<Row> = {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly isRight?: boolean;
  /** Cells that it always takes, longer text cut; as many as its longest text when absent. */
  readonly width?: number;
};

/** Returns the rows as lines, the titles first, without spaces at their ends. Lines longer than `widthMax` cells are cut. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: { readonly widthMax?: number | undefined } = {},
): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => toPrintable(text(row)))),
  ];
  const widths = columns.map(
    ({ width }, index) => width ?? cells.reduce((most, line) => Math.max(most, cellsOf(line[index]!)), 0),
  );
  return cells.map((line) => {
    const text = line
      .map((cell, index) => fit(cell, widths[index]!, columns[index]!.isRight ?? false))
      .join('  ')
      .trimEnd();
    return options.widthMax === undefined ? text : cut(text, options.widthMax);
  });
}

/** Control characters become spaces: they would move the cursor, ring, or recolour what follows. */
export function toPrintable(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Cf}|[\u2028\u2029]/gu, ' ');
}

function fit(text: string, width: number, isRight: boolean): string {
  const short = cut(text, width);
  const space = ' '.repeat(Math.max(0, width - cellsOf(short)));
  return isRight ? space + short : short + space;
}

function cut(text: string, width: number): string {
  if (cellsOf(text) <= width) return text;
  let kept = '';
  let cells = 0;
  for (const character of text) {
    cells += cellsOf(character);
    if (cells > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Characters that terminals draw two cells wide: East Asian scripts and their punctuation, and emoji. */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}|[\u{20000}-\u{3FFFD}]/u;

function cellsOf(text: string): number {
  let cells = 0;
  for (const character of text) cells += WIDE.test(character) ? 2 : 1;
  return cells;
}
