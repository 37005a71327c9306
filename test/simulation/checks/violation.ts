/** What a check found: which rule, of which instrument, what was expected and what was there. */
export type Violation = {
  readonly rule: string;
  readonly instrument: string;
  readonly expected: string;
  readonly was: string;
};

/** A kind of violation that is found again and again is told a few times only. */
export const SAME_RULE_MAX = 3;
