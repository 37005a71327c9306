/** What `compose.yaml` gives to its nodes are settings that a node takes, and the files that it mounts are there. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadSettings } from '../src/settings.ts';
import { projectPath } from './support/source-files.ts';

type Service = {
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly command?: string;
};

const { services } = parse(readFileSync(projectPath('compose.yaml'), 'utf8'), { merge: true }) as {
  services: Readonly<Record<string, Service>>;
};
const nodes = Object.entries(services).filter(([name]) => name.startsWith('node-'));

/** `${NAME:-default}` as it is where the variable is not set. */
const withDefaults = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')]),
  );

describe('compose.yaml', () => {
  it.each(nodes)('starts %s with settings that a node takes', (name, { environment = {}, command = '' }) => {
    const file = /--config (\S+)/.exec(command)?.[1];
    const { settings } = loadSettings({ file: projectPath(file!), environment: withDefaults(environment) });
    expect(settings.node.name).toBe(name);
    expect(settings.node.advertisedUrl).toBe(`http://${name}:${settings.admin.port}`);
    expect(settings.kafka.brokers).toEqual(['kafka:9092']);
    expect(settings.instruments.length).toBeGreaterThan(0);
  });

  it('has three nodes, and mounts what is there', () => {
    expect(nodes).toHaveLength(3);
    const mounted = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes)
      .filter((volume) => volume.startsWith('.'))
      .map((volume) => volume.split(':')[0]!);
    expect(mounted.length).toBeGreaterThan(3);
    expect(mounted.filter((path) => !existsSync(projectPath(path)))).toEqual([]);
  });

  it('has Prometheus ask each node', () => {
    const { scrape_configs: jobs } = parse(
      readFileSync(projectPath('deploy/prometheus/prometheus.yml'), 'utf8'),
    ) as { scrape_configs: readonly { static_configs: readonly { targets: readonly string[] }[] }[] };
    expect(jobs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets))).toEqual(
      nodes.map(([name]) => `${name}:8080`),
    );
  });
});
