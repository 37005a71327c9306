#!/usr/bin/env -S node --max-semi-space-size=64
/** The command line: parses it, and ends the process as docs/cli.md says. */
import { CommanderError } from 'commander';
import { TampinesError } from '../base/errors.ts';
import { CommandFailure, EXIT_CODES } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { createProgram } from './program.ts';

// A promise that nobody awaited has failed: the state of the process is unknown, and the supervisor outside starts it again.
process.on('unhandledRejection', (error) => fail(error, EXIT_CODES.internal));

try {
  await createProgram().parseAsync();
} catch (error) {
  // Help and the version end here too; what was wrong has been said already.
  if (error instanceof CommanderError)
    process.exit(error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage);
  if (error instanceof CommandFailure) fail(error, error.exitCode);
  fail(error, error instanceof TampinesError ? EXIT_CODES.failed : EXIT_CODES.internal);
}

function fail(error: unknown, exitCode: ExitCode): never {
  process.stderr.write(`${textOf(error)}\n`);
  process.exit(exitCode);
}

function textOf(error: unknown): string {
  if (error instanceof CommandFailure)
    return isJson(error.message) ? error.message : `tampines: ${error.message}`;
  if (error instanceof TampinesError) return `tampines: ${error.code}: ${error.message}`;
  return `tampines: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** A script that asked for JSON reads its failures as JSON too. */
function isJson(message: string): boolean {
  return message.startsWith('{');
}
