/** Finds a server program on this machine, or installs its Debian package when that is possible. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Returns the full path of `program`.
 * @param {{ program: string, debianPackage: string, folders?: string[], variable: string }} wanted
 *   `folders` are looked at after PATH; `variable` names the environment variable that makes the search unnecessary
 */
export function findOrInstall(wanted) {
  return find(wanted) ?? install(wanted);
}

function find({ program, folders = [] }) {
  const path = process.env.PATH?.split(delimiter) ?? [];
  return [...path, ...folders.flatMap(expand)]
    .map((folder) => join(folder, program))
    .find((file) => isExecutable(file));
}

const APT_GET = '/usr/bin/apt-get';

/** `/usr/lib/postgresql/<version>/bin`: one folder per version, the newest first. */
function expand(folder) {
  const star = folder.indexOf('*');
  if (star < 0) return [folder];
  try {
    return readdirSync(folder.slice(0, star))
      .sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
      .map((name) => folder.slice(0, star) + name + folder.slice(star + 1));
  } catch {
    return [];
  }
}

function install(wanted) {
  const { program, debianPackage, variable } = wanted;
  const help = `Install it (Debian: apt-get install ${debianPackage}) or set ${variable} to a running one.`;
  if (process.getuid?.() !== 0 || !isExecutable(APT_GET)) {
    throw new Error(`${program} is not installed, and can not be installed from here. ${help}`);
  }
  console.log(`▸ ${program} is missing: installing ${debianPackage}`);
  // A package that starts its server at once would hold the usual port; nothing here needs it to run.
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', debianPackage],
  ]) {
    const result = spawnSync(APT_GET, args, { env: environment, encoding: 'utf8', timeout: 600_000 });
    if (result.status !== 0) {
      throw new Error(`apt-get ${args[0]} failed: ${result.stderr.trim()}\n${help}`);
    }
  }
  const found = find(wanted);
  if (found === undefined) throw new Error(`${debianPackage} was installed but has no ${program}. ${help}`);
  return found;
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
