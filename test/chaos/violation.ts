/** What a checker found: a promise that the history breaks, in words. */
export type Violation = {
  /** Short name of the promise: `single-writer`, `contiguous`, … */
  readonly rule: string;
  /** `<exchange>:<symbol>`, a key, or the process that it concerns. */
  readonly subject: string;
  readonly expected: string;
  readonly was: string;
};

export function describeViolation({ rule, subject, expected, was }: Violation): string {
  return `${rule}: ${subject}: expected ${expected}, was ${was}`;
}
