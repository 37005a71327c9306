/** Reads what vitest and the tests wrote down and says it in a few plain lines. */
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @returns {{ total: Counts, byFile: Map<string, Counts> }} a file that could not even be loaded counts as one failed test
 */
export function readCounts(reportFile, root) {
  const byFile = new Map();
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (!existsSync(reportFile)) return { total, byFile };
  for (const file of JSON.parse(readFileSync(reportFile, 'utf8')).testResults) {
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const { status } of file.assertionResults) {
      if (status === 'passed') counts.passed++;
      else if (status === 'failed') counts.failed++;
      else counts.skipped++;
    }
    if (file.status === 'failed' && counts.failed === 0) counts.failed = 1;
    byFile.set(relative(root, file.name), counts);
    for (const kind of Object.keys(total)) total[kind] += counts[kind];
  }
  return { total, byFile };
}

/**
 * Returns which test files used which service, as they noted it themselves when they asked for its address.
 * @returns {Map<string, Set<string>>} service to files
 */
export function readServiceUse(useFile, root) {
  const filesByService = new Map();
  if (!existsSync(useFile)) return filesByService;
  for (const line of readFileSync(useFile, 'utf8').split('\n')) {
    const [service, file] = line.split('\t');
    if (file === undefined) continue;
    if (!filesByService.has(service)) filesByService.set(service, new Set());
    filesByService.get(service).add(relative(root, file));
  }
  return filesByService;
}

/** Returns one line: `Postgres 15.18: 72 tests in persistence/postgres-journal (36), …`. */
export function describeService(title, files, byFile) {
  const suites = [...files].sort().map((file) => {
    const { passed = 0, failed = 0 } = byFile.get(file) ?? {};
    return { name: shortName(file), count: passed + failed };
  });
  const sum = suites.reduce((count, suite) => count + suite.count, 0);
  if (sum === 0) return `${title}: no tests ran`;
  return `${title}: ${sum} tests in ${suites.map(({ name, count }) => `${name} (${count})`).join(', ')}`;
}

/** Returns one line: `Kafka: 3 test files did not run (java is not installed …): kafka/event-log, …`. */
export function describeLeftOut({ name, files, reason }) {
  const names = files.map((file) => shortName(file)).join(', ');
  return `${name}: ${files.length} test files DID NOT RUN (${reason.split('\n', 1)[0]}): ${names}`;
}

function shortName(file) {
  return file.replace(/^test\//, '').replace(/(\.int)?\.test\.ts$/, '');
}
