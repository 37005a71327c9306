/** Runs chosen tests of a copy of the project in a process of their own and tells what each came to. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { GuardTest } from './guard.ts';

export type TestOutcome = {
  readonly file: string;
  readonly name: string;
  readonly status: 'passed' | 'failed';
  /** First line of why it failed; empty when it passed. */
  readonly message: string;
};

export type TestRun = {
  readonly outcomes: readonly TestOutcome[];
  /** Files that did not even begin, or a run that had no end: nothing can be concluded. */
  readonly broken: readonly string[];
};

type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
};

/** A guard may be what ends a loop; a run without one is cut off. */
const RUN_MAX_MS = 240_000;

/**
 * @param options.isWhole runs all tests of the files, not the named ones alone
 * @param options.environment addresses of the services
 */
export async function runTests(
  folder: string,
  tests: readonly GuardTest[],
  options: { isWhole: boolean; environment: NodeJS.ProcessEnv },
): Promise<TestRun> {
  const files = [...new Set(tests.map(({ file }) => file))];
  const reportFile = join(folder, 'guard-report.json');
  rmSync(reportFile, { force: true });
  const names = tests.map(({ name }) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const { output, isCutOff } = await runVitest(folder, options.environment, [
    ...['--reporter', 'json', `--outputFile.json=${reportFile}`],
    ...(options.isWhole ? [] : ['--testNamePattern', names.join('|')]),
    ...files,
  ]);
  if (isCutOff) return { outcomes: [], broken: [`no end within ${RUN_MAX_MS / 1_000} s`] };
  return readReport(folder, reportFile, output);
}

function runVitest(
  folder: string,
  environment: NodeJS.ProcessEnv,
  commandArguments: readonly string[],
): Promise<{ output: string; isCutOff: boolean }> {
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, 'run', ...commandArguments], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let isCutOff = false;
    const keep = (text: Buffer): void => {
      output = (output + text.toString()).slice(-4_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const cutOff = setTimeout(() => {
      isCutOff = true;
      child.kill('SIGKILL');
    }, RUN_MAX_MS);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(cutOff);
      resolve({ output, isCutOff });
    });
  });
}

function readReport(folder: string, reportFile: string, output: string): TestRun {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    return { outcomes: [], broken: [`no report was written; the last words were: ${output.slice(-600)}`] };
  }
  const broken = report.testResults
    .filter(({ assertionResults }) => assertionResults.length === 0)
    .map(({ name, message }) => `${name.slice(folder.length + 1)} did not begin: ${firstLine(message)}`);
  const outcomes = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ fullName, status, failureMessages }): TestOutcome[] => {
      if (status !== 'passed' && status !== 'failed') return [];
      const file = name.slice(folder.length + 1);
      return [{ file, name: fullName.trim(), status, message: summaryOf(failureMessages[0] ?? '') }];
    }),
  );
  return { outcomes, broken };
}

/** The first line, or, of a property, what its smallest counterexample came to. */
function summaryOf(message: string): string {
  const cause = /^(?:Got|Caused by:?) (.*)$/m.exec(message)?.[1];
  return firstLine(cause === undefined ? message : `${cause} (a property)`);
}

function firstLine(text: string): string {
  const plain = text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, 'g'), '');
  return plain.split('\n')[0]!.slice(0, 240);
}
