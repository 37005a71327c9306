/**
 * Asks the registry whether anything is known against what is shipped, and fails if so. Where it can't be asked (offline, a mirror without
 * advisories) that is said, and nothing fails: an audit that could not be made is no finding.
 */
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const found = readCounts(stdout);
if (found === undefined) {
  console.log('advisories can not be had here: production dependencies were not audited');
} else if (found.total === 0) {
  console.log('no advisory on any production dependency');
} else {
  console.log(`${found.total} advisories on production dependencies: run npm audit --omit=dev`);
  process.exitCode = 1;
}

/** The counts of a report; `undefined` when there is none. */
function readCounts(text) {
  try {
    return JSON.parse(text).metadata?.vulnerabilities;
  } catch {
    return undefined;
  }
}
