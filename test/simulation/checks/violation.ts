/** What a check found: which rule, of which instrument, what was expected and what was there. */
export type Violation = {
  readonly rule: string;
  readonly instrument: string;
  readonly expected: string;
  readonly was: string;
};
