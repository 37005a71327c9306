/**
 * What `npm test` runs: starts a real Postgres and a real Redis (or takes TEST_DATABASE_URL, TEST_REDIS_URL), builds, runs the quick and
 * the service tests against them, says what ran against what, and stops the servers whatever happens.
 * Arguments choose test files: `npm test -- test/persistence`. `--skip-build` leaves the build out.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresVersion, startPostgres } from './services/postgres.mjs';
import { redisVersion, startRedis } from './services/redis.mjs';
import { describeService, readCounts, readServiceUse } from './services/test-report.mjs';

const root = join(import.meta.dirname, '..');
const isCi = Boolean(process.env.CI);
const isBuildSkipped = process.argv.includes('--skip-build');
const chosenFiles = process.argv.slice(2).filter((argument) => argument !== '--skip-build');

const SERVICES = [
  { name: 'Postgres', variable: 'TEST_DATABASE_URL', start: startPostgres, versionOf: postgresVersion },
  { name: 'Redis', variable: 'TEST_REDIS_URL', start: startRedis, versionOf: redisVersion },
];

const running = [];
const reportFolder = mkdtempSync(join(tmpdir(), 'tampines-test-report-'));
// Tests that start a Postgres of their own start it under another account, which must get to its folder in here.
chmodSync(reportFolder, 0o711);
let current;
let stopping;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    console.log(`\n${signal}: stopping`);
    current?.kill('SIGTERM');
    void stopServices().then(() => process.exit(1));
  });
}

try {
  process.exitCode = await runTests();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await stopServices();
}

async function runTests() {
  const environment = {
    ...process.env,
    // The quick tests alone damage fewer frames.
    FUZZ_MUTATIONS: process.env.FUZZ_MUTATIONS ?? '100000',
    TEST_SERVICE_USE_FILE: join(reportFolder, 'services.tsv'),
    // Folders that tests make go with the report, also those of a run that was killed.
    TMPDIR: reportFolder,
  };
  const titles = new Map();
  for (const service of SERVICES) {
    const { url, title } = await provide(service);
    environment[service.variable] = url;
    titles.set(service.name, title);
  }

  if (!isBuildSkipped) {
    progress('building');
    const buildCode = await run('npm', ['run', '--silent', 'build'], process.env);
    if (buildCode !== 0) throw new Error(`The build failed with code ${buildCode}; no test was run.`);
  }

  progress('running the tests');
  const reportFile = join(reportFolder, 'report.json');
  const vitestCode = await run(
    process.execPath,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...['--project', 'quick', '--project', 'services', '--project', 'nodes'],
      ...['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${reportFile}`],
      ...chosenFiles,
    ],
    environment,
  );
  return report(vitestCode, titles, reportFile, environment.TEST_SERVICE_USE_FILE);
}

/** Prints the closing lines and returns the exit code. */
function report(vitestCode, titles, reportFile, useFile) {
  const { total, byFile } = readCounts(reportFile, root);
  const filesByService = readServiceUse(useFile, root);
  const missing = [];
  console.log();
  for (const [name, title] of titles) {
    const files = filesByService.get(name) ?? new Set();
    console.log(describeService(title, files, byFile));
    if (![...files].some((file) => (byFile.get(file)?.passed ?? 0) > 0)) missing.push(name);
    filesByService.delete(name);
  }
  for (const [name, files] of filesByService) console.log(describeService(name, files, byFile));
  if (total.skipped > 0) console.log(`${total.skipped} skipped`);

  let code = 0;
  const fail = (reason) => {
    console.log(reason);
    code = 1;
  };
  if (isCi && chosenFiles.length === 0 && missing.length > 0) {
    fail(`No test passed against ${missing.join(' and ')}: in CI every service must be tested.`);
  }
  if (total.passed === 0) fail('No test passed.');
  if (vitestCode !== 0 && total.failed === 0)
    fail(`vitest ended with code ${vitestCode} although no test failed.`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed > 0 ? 1 : code;
}

/** Returns the address of the service: the given one, once it answers, or that of a server started here. */
async function provide({ name, variable, start, versionOf }) {
  const given = process.env[variable];
  if (given !== undefined && given !== '') {
    const title = `${name} ${await versionOf(given)} (given by ${variable})`;
    progress(title);
    return { url: given, title };
  }
  const startMs = performance.now();
  const server = await start();
  running.push(server);
  const title = `${name} ${server.version} (started here)`;
  progress(
    `${title} on port ${server.port}, ready in ${((performance.now() - startMs) / 1000).toFixed(1)} s`,
  );
  return { url: server.url, title };
}

function run(program, args, environment) {
  return new Promise((resolve, reject) => {
    current = spawn(program, args, { cwd: root, env: environment, stdio: 'inherit' });
    current.once('error', reject);
    current.once('close', (code) => resolve(code ?? 1));
  });
}

function stopServices() {
  stopping ??= Promise.allSettled(running.map((server) => server.stop())).then(() =>
    rmSync(reportFolder, { recursive: true, force: true, maxRetries: 5 }),
  );
  return stopping;
}

function progress(text) {
  console.log(`▸ ${text}`);
}
