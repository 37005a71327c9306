/** One step from the tables of a version to those of the next; once released it never changes. */
export type Migration = {
  readonly version: number;
  readonly name: string;
  /** Returns the statements for tables in `schema`. */
  readonly sql: (schema: string) => string;
};
