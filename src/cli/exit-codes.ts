/** What the process ends with; docs/cli.md has the same table. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  notAllowed: 5,
  conflict: 6,
  tryAgain: 7,
  internal: 70,
  /** Another node took this one's instruments over. A supervisor must not start it again: the two would take them from each other for ever. */
  fenced: 75,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** A command ends here: `message` is what its user reads, line by line. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
