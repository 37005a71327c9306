/** What is compared, and what came of it. */
import type { PeerName } from './peer-packages.ts';
import type { Subject } from './side-by-side.ts';

/** Two subjects on the same input. */
export type Comparison = {
  readonly name: string;
  readonly unit: string;
  readonly ours: Subject;
  readonly peer: PeerName;
  readonly theirs: Subject;
  /** How many times as quick as the peer ours has to be; `undefined` where it is only told. */
  readonly required: number | undefined;
};

export type OpenCase = {
  readonly comparisons: readonly Comparison[];
  /** What a reader of the figures has to know: what agreed, what was left out. */
  readonly notes: readonly string[];
};

export type PeerCase = {
  readonly name: string;
  /** Makes the input, and throws when those that are compared do not come to the same. A text says why it can't be measured here. */
  readonly open: () => Promise<OpenCase | string>;
};

export type Row = {
  readonly case: string;
  readonly name: string;
  readonly unit: string;
  readonly peer: PeerName;
  readonly oursPerSecond: number;
  readonly theirsPerSecond: number;
  /** Median over the rounds of theirs to ours, by the time that passed and by processor time; and of the quickest run of each. */
  readonly ratio: number;
  readonly cpuRatio: number;
  readonly quickestRatio: number;
  /** Least and largest ratio of a round, by the time that passed. */
  readonly ratioMin: number;
  readonly ratioMax: number;
  readonly required: number | undefined;
};

export type CaseResult = { readonly rows: readonly Row[]; readonly notes: readonly string[] };
