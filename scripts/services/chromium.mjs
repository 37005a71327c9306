/** The browser that the dashboard is tested in. */
import { spawnSync } from 'node:child_process';
import { findOrInstall } from './find-program.mjs';

/** @returns {{ url: string, version: string, stop: () => void }} `url` is the path of the program; each test starts it for itself */
export function provideChromium() {
  const url = findOrInstall({
    program: 'chromium',
    debianPackage: 'chromium',
    folders: ['/snap/bin', '/Applications/Chromium.app/Contents/MacOS'],
    variable: 'CHROMIUM_PATH',
  });
  return { url, version: chromiumVersion(url), stop: () => undefined };
}

/** @returns {string} what the program says of itself, which proves that it can be started */
export function chromiumVersion(program) {
  const { stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 60_000 });
  const version = /[\d.]{5,}/.exec(stdout ?? '')?.[0];
  if (version === undefined)
    throw new Error(`${program} is no browser that can be started: ${error?.message}`);
  return version;
}
