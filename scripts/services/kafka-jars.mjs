/** The jars of a Kafka broker, fetched by name from the Maven repository of this machine and kept between runs in the user's cache. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findOrInstall } from './find-program.mjs';

const POM = join(import.meta.dirname, 'kafka-pom.xml');
const FETCH_WITHIN_MS = 300_000;
const BROKER_JAR = /^kafka_[\d.]+-(.+)\.jar$/;

/**
 * Returns the folder of the jars and the version of the broker in them. Several runs may ask at once: each fetches into a folder of its own, the
 * first one to be ready is taken by all.
 * @throws Error that says what to do when they can not be had
 */
export function provideKafkaJars() {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tampines');
  // Another version has another name, so a folder that is there never changes.
  const folder = join(
    cache,
    `kafka-${createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12)}`,
  );
  if (!existsSync(folder)) fetchInto(folder, cache);
  const version = versionOf(folder);
  if (version === undefined)
    throw new Error(`${folder} has no Kafka broker in it: remove the folder and try again.`);
  return { folder, version };
}

function fetchInto(folder, cache) {
  const maven = findOrInstall({ program: 'mvn', debianPackage: 'maven', variable: 'KAFKA_BROKERS' });
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, 'unfinished-'));
  try {
    console.log('▸ Kafka is missing: fetching its jars (46 MB, once)');
    // The parallel downloads of two Mavens into one local repository may spoil one another; the second try finds what the other one left.
    if (!copyJars(maven, unfinished).isDone) {
      const { isDone, output } = copyJars(maven, unfinished);
      if (!isDone) {
        throw new Error(
          `The jars of Kafka can not be had: ${output}\nLet Maven reach a repository, or set KAFKA_BROKERS to a running Kafka.`,
        );
      }
    }
    moveUnlessThere(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function copyJars(maven, target) {
  const { status, stdout, stderr, error } = spawnSync(
    maven,
    // Strict checksums: a jar that was damaged on its way is refused.
    [
      '-B',
      '-q',
      '-C',
      '-f',
      POM,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${target}`,
    ],
    { cwd: target, encoding: 'utf8', timeout: FETCH_WITHIN_MS },
  );
  const isDone = status === 0 && versionOf(target) !== undefined;
  return {
    isDone,
    output: String(error ?? `${stdout}${stderr}`)
      .trim()
      .slice(0, 1_000),
  };
}

function moveUnlessThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

function versionOf(folder) {
  for (const name of readdirSync(folder)) {
    const version = BROKER_JAR.exec(name)?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}
