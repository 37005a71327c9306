/**
 * What `npm test` runs: starts a real Postgres, Redis and Kafka (or takes TEST_DATABASE_URL, TEST_REDIS_URL, KAFKA_BROKERS), builds, runs the
 * quick and the service tests against them, says what ran against what, and stops the servers whatever happens. Where no Kafka can be had its
 * tests are left out and named; in CI that is a failure.
 * Arguments choose test files: `npm test -- test/persistence`. `--skip-build` leaves the build out.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { chromiumVersion, provideChromium } from './services/chromium.mjs';
import { kafkaVersion, startKafka } from './services/kafka.mjs';
import { postgresVersion, startPostgres } from './services/postgres.mjs';
import { redisVersion, startRedis } from './services/redis.mjs';
import { describeLeftOut, describeService, readCounts, readServiceUse } from './services/test-report.mjs';

const root = join(import.meta.dirname, '..');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const isCi = Boolean(process.env.CI);
const isBuildSkipped = process.argv.includes('--skip-build');
const chosenFiles = process.argv.slice(2).filter((argument) => argument !== '--skip-build');

const SERVICES = [
  { name: 'Postgres', variable: 'TEST_DATABASE_URL', start: startPostgres, versionOf: postgresVersion },
  { name: 'Redis', variable: 'TEST_REDIS_URL', start: startRedis, versionOf: redisVersion },
  // It takes a Java and 46 MB of jars, which not every machine has or may fetch.
  {
    name: 'Kafka',
    variable: 'KAFKA_BROKERS',
    start: startKafka,
    versionOf: kafkaVersion,
    isOptional: true,
    project: 'kafka',
  },
  {
    name: 'Chromium',
    variable: 'CHROMIUM_PATH',
    start: provideChromium,
    versionOf: chromiumVersion,
    isOptional: true,
    project: 'browser',
  },
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
  const projects = ['quick', 'services', 'nodes'];
  const leftOut = [];
  for (const service of SERVICES) {
    const provided = await provide(service);
    if (provided.failure !== undefined) {
      leftOut.push({ name: service.name, files: filesOf(service.project), reason: provided.failure });
      continue;
    }
    environment[service.variable] = provided.url;
    titles.set(service.name, provided.title);
    if (service.project !== undefined) projects.push(service.project);
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
      vitest,
      'run',
      ...projects.flatMap((project) => ['--project', project]),
      ...['--reporter', 'default', '--reporter', 'json', `--outputFile.json=${reportFile}`],
      ...chosenFiles,
    ],
    environment,
  );
  const code = report(vitestCode, titles, reportFile, environment.TEST_SERVICE_USE_FILE);
  for (const each of leftOut) console.log(describeLeftOut(each));
  return code;
}

/** Names the test files of a vitest project among those that were chosen. */
function filesOf(project) {
  const { stdout } = spawnSync(
    process.execPath,
    [vitest, 'list', '--filesOnly', '--json', '--project', project, ...chosenFiles],
    { cwd: root, encoding: 'utf8' },
  );
  return JSON.parse(stdout || '[]').map(({ file }) => relative(root, file));
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

/**
 * Returns the address of the service: the given one, once it answers, or that of a server started here. One that is optional and can not be
 * started, outside of CI, gives the `failure` instead.
 */
async function provide({ name, variable, start, versionOf, isOptional = false }) {
  const given = process.env[variable];
  if (given !== undefined && given !== '') {
    const title = `${name} ${await versionOf(given)} (given by ${variable})`;
    progress(title);
    return { url: given, title };
  }
  const startMs = performance.now();
  let server;
  try {
    server = await start();
  } catch (error) {
    if (isCi || !isOptional) throw error;
    progress(`no ${name}: ${error.message}`);
    return { failure: error.message };
  }
  running.push(server);
  const isServer = server.port !== undefined;
  const title = `${name} ${server.version} (${isServer ? 'started' : 'found'} here)`;
  const readyInSeconds = ((performance.now() - startMs) / 1000).toFixed(1);
  progress(isServer ? `${title} on port ${server.port}, ready in ${readyInSeconds} s` : title);
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
