/**
 * The settings in force. Layers, later ones win: defaults, file, environment, flags.
 * Secrets (`SECRET_SETTINGS`) come only from the environment.
 */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { TampinesError } from './base/errors.ts';
import { settingsSchema, type Settings } from './settings-schema.ts';

type Tree = Record<string, unknown>;

/** Where each setting's value came from: `default`, `file`, `environment` or `flag`. */
export type SettingOrigins = ReadonlyMap<string, string>;

export const SECRET_SETTINGS: readonly string[] = [
  'postgres.url',
  'redis.url',
  'kafka.sasl.password',
  'admin.token',
  'admin.tokens',
];

/** Where commands find a running node; no setting of a node itself. */
export const NODE_URL_VARIABLE = 'TAMPINES_URL';

export type SettingsSources = {
  /** Path of a YAML file. */
  readonly file?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** `admin.port=0`, as given with `--set`. */
  readonly assignments?: readonly string[] | undefined;
};

/**
 * Returns the settings in force and where each came from.
 * @throws TampinesError `SETTINGS_INVALID`, naming every setting that is wrong
 */
export function loadSettings(sources: SettingsSources): { settings: Settings; origins: SettingOrigins } {
  const leaves = leafPaths(settingsSchema);
  const origins = new Map<string, string>(leaves.map((path) => [path, 'default']));
  const merged: Tree = emptySections();

  if (sources.file !== undefined) {
    const tree = readFile(sources.file);
    for (const secret of SECRET_SETTINGS) {
      if (valueAt(tree, secret) !== undefined) {
        throw invalid(
          `${secret} is a secret: take it out of ${sources.file} and set ${environmentName(secret)} instead`,
        );
      }
    }
    overlay(merged, tree, '', origins, 'file');
  }

  const byEnvironmentName = new Map(leaves.map((path) => [environmentName(path), path]));
  for (const [name, text] of Object.entries(sources.environment ?? {})) {
    if (!name.startsWith('TAMPINES_') || text === undefined || name === NODE_URL_VARIABLE) continue;
    const path = byEnvironmentName.get(name);
    if (path === undefined) throw invalid(`the environment variable ${name} names no setting`);
    assign(merged, path, text);
    origins.set(path, 'environment');
  }

  for (const assignment of sources.assignments ?? []) {
    const equals = assignment.indexOf('=');
    const path = assignment.slice(0, equals);
    if (equals < 1) throw invalid(`--set wants name=value, was '${assignment}'`);
    if (SECRET_SETTINGS.includes(path))
      throw invalid(`${path} is a secret: set ${environmentName(path)} instead`);
    if (!leaves.includes(path) && !path.startsWith('exchanges.'))
      throw invalid(`--set ${path}: there is no such setting`);
    assign(merged, path, assignment.slice(equals + 1));
    origins.set(path, 'flag');
  }

  const result = settingsSchema.safeParse(merged);
  if (!result.success) {
    throw invalid(
      result.error.issues
        .map((issue) => `${issue.path.join('.') || 'settings'}: ${issue.message}`)
        .join('; '),
    );
  }
  checkBetween(result.data);
  return { settings: result.data, origins };
}

/** Returns the name of a setting's environment variable. */
export function environmentName(path: string): string {
  return `TAMPINES_${path
    .replaceAll('.', '_')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

function checkBetween(settings: Settings): void {
  if (settings.supervision.restartMaxMs < settings.supervision.restartInitialMs) {
    throw invalid('supervision.restartMaxMs must not be below supervision.restartInitialMs');
  }
  const { maxPendingBytes, maxPendingTradeBytes, maxPendingNodeBytes } = settings.feed;
  if (maxPendingTradeBytes < maxPendingBytes || maxPendingNodeBytes < maxPendingTradeBytes) {
    throw invalid(
      'feed.maxPendingTradeBytes must not be below feed.maxPendingBytes, nor feed.maxPendingNodeBytes below it',
    );
  }
  if (settings.kafka.sessionTimeoutMs < 3 * settings.kafka.heartbeatMs) {
    throw invalid(
      'kafka.sessionTimeoutMs must be at least three times kafka.heartbeatMs, else one lost heartbeat moves shards',
    );
  }
  if (settings.kafka.retentionMs < 2 * settings.checkpoint.everyMs) {
    throw invalid(
      'kafka.retentionMs must be at least twice checkpoint.everyMs, else what follows on a checkpoint may be gone',
    );
  }
  checkKafkaAccess(settings);
  const longestIntervalMs = Math.max(
    settings.publish.bookIntervalMs,
    settings.publish.tickerIntervalMs,
    settings.publish.candleIntervalMs,
  );
  if (settings.publish.keyTtlMs < 2 * longestIntervalMs) {
    throw invalid(
      'publish.keyTtlMs must be at least twice the longest publish interval, else keys expire between two refreshes',
    );
  }
  const isLoopback = ['127.0.0.1', '::1', 'localhost'].includes(settings.admin.host);
  const tokens = adminTokens(settings);
  if (!isLoopback && tokens.length === 0) {
    throw invalid(
      `admin.host ${settings.admin.host} is reachable from outside: set ${environmentName('admin.token')}`,
    );
  }
  for (const part of ['name', 'token'] as const) {
    if (new Set(tokens.map((named) => named[part])).size < tokens.length) {
      throw invalid(
        `two of admin.tokens and admin.token have the same ${part}; admin.token is named operator`,
      );
    }
  }
}

/**
 * Checks what only a node that starts must have: a file of settings without brokers still serves a replay. Without a cluster a node does everything, and
 * a role that is quietly not kept would be noticed when an exchange has two connections.
 * @throws TampinesError `SETTINGS_INVALID` where a role was given and there is no cluster
 */
export function checkRoles({ kafka, node }: Settings, origins: SettingOrigins): void {
  if (kafka.brokers.length > 0 || origins.get('node.roles') === 'default') return;
  throw invalid(
    `node.roles is ${node.roles.join(',')}, and there is no cluster: set kafka.brokers, or take node.roles (--role) out; a node on its own does everything`,
  );
}

function checkKafkaAccess({ kafka: { brokers, tls, sasl }, outputs }: Settings): void {
  if (outputs.kafka.topics.length > 0 && outputs.kafka.brokers.length + brokers.length === 0) {
    throw invalid('outputs.kafka.topics is set, so set outputs.kafka.brokers, or kafka.brokers in a cluster');
  }
  const files = [tls.caFile, tls.certificateFile, tls.keyFile];
  if (tls.mode === 'off' && files.some((file) => file !== '')) {
    throw invalid('a file of kafka.tls is set: set kafka.tls.mode to on, or take it out');
  }
  if ((tls.certificateFile === '') !== (tls.keyFile === '')) {
    throw invalid('kafka.tls.certificateFile and kafka.tls.keyFile belong together: set both or neither');
  }
  const isNamed = sasl.username !== '' && sasl.password !== '';
  if (sasl.mechanism !== 'none' && !isNamed) {
    throw invalid(
      `kafka.sasl.mechanism is ${sasl.mechanism}: set kafka.sasl.username, and ${environmentName('kafka.sasl.password')}`,
    );
  }
}

/** Returns the bearer tokens with their names; `admin.token` alone goes by the name of `operator`. */
export function adminTokens({ admin }: Settings): { readonly name: string; readonly token: string }[] {
  const named = admin.tokens.map((text) => {
    const colon = text.indexOf(':');
    return { name: text.slice(0, colon), token: text.slice(colon + 1) };
  });
  return admin.token === '' ? named : [{ name: 'operator', token: admin.token }, ...named];
}

function invalid(message: string): TampinesError {
  return new TampinesError('SETTINGS_INVALID', `Settings are not valid: ${message}`);
}

function readFile(path: string): Tree {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new TampinesError('SETTINGS_INVALID', `Cannot read the settings file ${path}`, { cause });
  }
  let tree: unknown;
  try {
    tree = parseYaml(text) ?? {};
  } catch (cause) {
    throw new TampinesError(
      'SETTINGS_INVALID',
      `The settings file ${path} is not valid YAML: ${String(cause)}`,
      { cause },
    );
  }
  if (!isTree(tree)) throw invalid(`${path} must hold a mapping of sections`);
  return tree;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function emptySections(node: z.ZodObject = settingsSchema): Tree {
  return Object.fromEntries(
    Object.entries(node.shape).flatMap(([name, field]) =>
      field instanceof z.ZodObject ? [[name, emptySections(field)]] : [],
    ),
  );
}

function leafPaths(node: z.ZodObject, prefix = ''): string[] {
  return Object.entries(node.shape).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return field instanceof z.ZodObject ? leafPaths(field, path) : [path];
  });
}

function valueAt(tree: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((node, name) => (isTree(node) ? node[name] : undefined), tree);
}

function overlay(
  target: Tree,
  source: Tree,
  prefix: string,
  origins: Map<string, string>,
  origin: string,
): void {
  for (const [name, value] of Object.entries(source)) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    requireOwnName(name, path);
    const existing = target[name];
    if (isTree(existing) && isTree(value)) {
      overlay(existing, value, path, origins, origin);
    } else {
      target[name] = value;
      origins.set(path, origin);
    }
  }
}

/** What every object has is no setting: taken for one, it would be changed for the whole process. */
function requireOwnName(name: string, path: string): void {
  if (name in Object.prototype) throw invalid(`${path}: there is no such setting`);
}

/** Text from the environment or a flag: numbers and comma lists where the text says so, else text. */
function assign(tree: Tree, path: string, text: string): void {
  const names = path.split('.');
  const last = names.pop()!;
  let node = tree;
  for (const name of [...names, last]) requireOwnName(name, path);
  for (const name of names) {
    const next = node[name];
    node = isTree(next) ? next : (node[name] = {});
  }
  node[last] = readText(path, text);
}

const LIST_SETTINGS: readonly string[] = [
  'admin.tokens',
  'gateway.allowedOrigins',
  'instruments',
  'kafka.brokers',
  'node.roles',
  'outputs.kafka.brokers',
  'outputs.kafka.topics',
  'publish.bookResolutions',
  'candles.intervals',
];
const TEXT_SETTINGS: readonly string[] = [
  'node.name',
  'admin.token',
  'kafka.sasl.username',
  'kafka.sasl.password',
];

function readText(path: string, text: string): unknown {
  if (LIST_SETTINGS.includes(path)) {
    return text === '' ? [] : text.split(',').map((part) => readText('', part.trim()));
  }
  return !TEXT_SETTINGS.includes(path) && /^\d+$/.test(text) ? Number(text) : text;
}

/** Returns every setting with its value and where it came from; secrets say only whether they are set. */
export function describeSettings(
  settings: Settings,
  origins: SettingOrigins,
): { name: string; value: unknown; origin: string }[] {
  return leafPaths(settingsSchema).map((name) => {
    const value = valueAt(settings, name);
    const isSet = Array.isArray(value) ? value.length > 0 : value !== '';
    const shown = SECRET_SETTINGS.includes(name) ? (isSet ? 'set' : 'not set') : value;
    return { name, value: shown, origin: origins.get(name) ?? 'default' };
  });
}
