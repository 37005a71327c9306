/** A place where things wait: how much does now, how much may, and how often that was met. Names are those of docs/limits.md. */
export type QueueReading = {
  readonly queue: string;
  /** Of the fullest one, where there are many of a kind. */
  readonly depth: number;
  readonly limit: number;
  /** Times since the start that its limit was met; `undefined` where nobody counts them. */
  readonly fullCount: number | undefined;
};
