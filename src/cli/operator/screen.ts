/** Where a command writes to: standard output, or what a test reads. */
export type Screen = {
  /** Somebody looks at it: tables are cut to its width, and may refresh in place. */
  readonly isTerminal: boolean;
  /** Cells in a line; `undefined` where a line may be as long as it is. */
  readonly width: number | undefined;
  /** Lines; `undefined` where there is no end. */
  readonly height: number | undefined;
  write(text: string): void;
};

export const standardOutput: Screen = {
  get isTerminal() {
    return process.stdout.isTTY;
  },
  get width() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
  get height() {
    return process.stdout.isTTY ? process.stdout.rows : undefined;
  },
  write: (text) => void process.stdout.write(text),
};

export function writeLines(screen: Screen, lines: readonly string[]): void {
  screen.write(`${lines.join('\n')}\n`);
}

/** Writes a value for scripts: one JSON document, indented. */
export function writeJson(screen: Screen, value: unknown): void {
  screen.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
