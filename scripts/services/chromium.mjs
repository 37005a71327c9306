/** The browser that the dashboard is tested, measured and photographed in. */
import { spawnSync } from 'node:child_process';
import { chromium } from 'playwright-core';
import { findOrInstall } from './find-program.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** `url` is the path of the program: each test starts it for itself. */
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

/** Starts it with a profile of its own and nothing on a screen. */
export function launchChromium(program) {
  return chromium.launch({ executablePath: program, args: ARGUMENTS });
}
