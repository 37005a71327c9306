/**
 * Throw-away Kafka on loopback: one node or several, each broker and controller at once (KRaft, no ZooKeeper). Every node can be killed and
 * started again with what it had on disk; all is gone when the whole is stopped.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { findOrInstall } from './find-program.mjs';
import { provideKafkaJars } from './kafka-jars.mjs';
import { createFolder, freePort, launch } from './server-process.mjs';

const CLUSTER_ID = 'dGFtcGluZXMtdGVzdHMtMQ';
const HEAP_MAX_MB = 256;
/** A port that was free may be taken before the broker has it. */
const START_ATTEMPTS = 3;
const ASK_WITHIN_MS = 10_000;

/**
 * @param {{ nodeCount?: number, proxyPorts?: number[][], secured?: Secured, isDetached?: boolean }} options `proxyPorts`: of each node the ports of proxies. Clients that come to one of
 *   its `proxiedPorts` are told to come back by the proxy of the same place, which otherwise they would leave aside after the first answer
 *   `secured`: a second listener for TLS with a client's certificate and SASL (PLAIN, SCRAM-SHA-256 and -512), with these PEM files and this one user
 *   `isDetached`: as for `launch`
 * @returns {Promise<{ url: string, port: number, version: string, nodes: KafkaNode[], stop: () => Promise<void> }>}
 *   `url` lists `host:port` of all nodes, separated by commas
 */
export async function startKafka({ nodeCount = 1, proxyPorts = [], secured, isDetached = false } = {}) {
  const java = findJava();
  const jars = provideKafkaJars();
  let lastError;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    const folder = createFolder('kafka');
    const nodes = await createNodes({ java, jars, folder, nodeCount, proxyPorts, secured, isDetached });
    const stop = async () => {
      await Promise.all(nodes.map((node) => node.kill()));
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    };
    try {
      await Promise.all(nodes.map((node) => node.start()));
      const url = nodes.map(({ address }) => address).join(',');
      await untilAllKnow(url, nodeCount);
      return { url, port: nodes[0].port, version: jars.version, nodes, stop };
    } catch (error) {
      lastError = error;
      await stop();
    }
  }
  throw lastError;
}

/**
 * Returns what kind of Kafka answers at `brokers`, which proves that it does. Its release can not be asked for.
 * @param {string} brokers `host:port`, several separated by commas
 */
export async function kafkaVersion(brokers) {
  const found = await describeCluster(brokers.split(','), { retries: 3 });
  return `cluster ${found.clusterId} of ${found.brokers.length} broker${found.brokers.length === 1 ? '' : 's'}`;
}

/** Nodes hear of one another one after the other, and which of them answers is chance: so many answers in a row that know of all will do. */
async function untilAllKnow(url, nodeCount) {
  for (let agreed = 0; agreed < 5 * nodeCount;) {
    const { brokers } = await describeCluster(url.split(','));
    agreed = brokers.length === nodeCount ? agreed + 1 : 0;
  }
}

class KafkaNode {
  #server;
  #options;

  /** @param {{ id: number, port: number, proxied: { name: string, port: number }[], securedPort: number | undefined, java: string, jars: { folder: string, version: string }, folder: string, nodeCount: number, isDetached: boolean }} options */
  constructor(options) {
    this.#options = options;
  }

  get id() {
    return this.#options.id;
  }

  get port() {
    return this.#options.port;
  }

  get proxiedPorts() {
    return this.#options.proxied.map(({ port }) => port);
  }

  get securedAddress() {
    return `127.0.0.1:${this.#options.securedPort}`;
  }

  get address() {
    return `127.0.0.1:${this.port}`;
  }

  get isRunning() {
    return this.#server !== undefined && !this.#server.hasExited();
  }

  /** Resolves when it has joined the cluster, which needs most nodes. */
  async start() {
    const { id, java, jars, folder, isDetached } = this.#options;
    this.#server = await launch({
      name: `Kafka node ${id}`,
      program: java,
      // Little compiling and one collector thread: tests run short, on few cores.
      arguments: [`-Xmx${HEAP_MAX_MB}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', LOG_WARNINGS].concat([
        '-cp',
        `${jars.folder}/*`,
        'kafka.Kafka',
        join(folder, 'server.properties'),
      ]),
      folder,
      isDetached,
      probe: async () => {
        const { brokers } = await describeCluster([this.address]);
        if (!brokers.some(({ nodeId }) => nodeId === id)) throw new Error(`node ${id} is not known yet`);
        return jars.version;
      },
    });
  }

  /** Ends it as a crash does. */
  async kill() {
    await this.#server?.end('SIGKILL');
  }

  /** Ends it in order: it hands over what it leads first. */
  async stop() {
    await this.#server?.end('SIGTERM');
  }
}

/** @typedef {{ keystoreFile: string, truststoreFile: string, user: string, password: string }} Secured */

const SECURED = 'SECURED';
const LOG_WARNINGS = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';

async function createNodes({ java, jars, folder, nodeCount, proxyPorts, secured, isDetached }) {
  const places = [];
  for (let index = 0; index < nodeCount; index++) {
    places.push({
      id: index + 1,
      port: await freePort(),
      controllerPort: await freePort(),
      proxied: await listenersBehind(proxyPorts[index] ?? []),
      securedPort: secured === undefined ? undefined : await freePort(),
    });
  }
  return places.map(({ id, port, controllerPort, proxied, securedPort }) => {
    const nodeFolder = join(folder, `node-${id}`);
    mkdirSync(nodeFolder);
    const more = securedPort === undefined ? [] : [{ name: SECURED, port: securedPort }];
    const properties = {
      'node.id': id,
      'process.roles': 'broker,controller',
      'controller.quorum.voters': places
        .map((place) => `${place.id}@127.0.0.1:${place.controllerPort}`)
        .join(','),
      listeners: [
        { name: 'PLAINTEXT', port },
        ...proxied,
        ...more,
        { name: 'CONTROLLER', port: controllerPort },
      ]
        .map((listener) => `${listener.name}://127.0.0.1:${listener.port}`)
        .join(','),
      'advertised.listeners': [
        `PLAINTEXT://127.0.0.1:${port}`,
        ...proxied.map(({ name, proxyPort }) => `${name}://127.0.0.1:${proxyPort}`),
        ...more.map((listener) => `${listener.name}://127.0.0.1:${listener.port}`),
      ].join(','),
      'controller.listener.names': 'CONTROLLER',
      'listener.security.protocol.map': ['PLAINTEXT', ...proxied.map(({ name }) => name), 'CONTROLLER']
        .map((name) => `${name}:PLAINTEXT`)
        .concat(more.map(({ name }) => `${name}:SASL_SSL`))
        .join(','),
      'log.dirs': join(nodeFolder, 'log'),
      ...sharedProperties(nodeCount),
      ...(secured === undefined ? {} : securedProperties(secured)),
    };
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
    writeFileSync(join(nodeFolder, 'server.properties'), `${lines.join('\n')}\n`);
    formatStorage(java, jars, nodeFolder, secured);
    return new KafkaNode({ id, port, proxied, securedPort, java, jars, folder: nodeFolder, isDetached });
  });
}

/** A listener for each proxy: what clients are told to come back to depends on where they came in. */
async function listenersBehind(proxyPorts) {
  const listeners = [];
  for (const [index, proxyPort] of proxyPorts.entries())
    listeners.push({ name: `PROXIED${index + 1}`, port: await freePort(), proxyPort });
  return listeners;
}

function sharedProperties(nodeCount) {
  const replicas = Math.min(3, nodeCount);
  const inSyncMin = Math.max(1, replicas - 1);
  return {
    // A topic that is missing is a mistake, which a broker that makes it would hide.
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 8,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 8,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSyncMin,
    // A node that was killed may come back under its name when it is missed, and not before: 9 s otherwise.
    'broker.session.timeout.ms': 5_000,
    'broker.heartbeat.interval.ms': 500,
    // Nobody is waited for when the first member of a group comes.
    'group.initial.rebalance.delay.ms': 0,
    // For nodes that are to take over from one another quickly.
    'group.min.session.timeout.ms': 1_000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'log.index.size.max.bytes': 1024 * 1024,
  };
}

/** @param {Secured} secured */
function securedProperties({ keystoreFile, truststoreFile, user, password }) {
  const listener = `listener.name.${SECURED.toLowerCase()}`;
  const module = 'org.apache.kafka.common.security';
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    [`${listener}.plain.sasl.jaas.config`]: `${module}.plain.PlainLoginModule required user_${user}="${password}";`,
    [`${listener}.scram-sha-256.sasl.jaas.config`]: `${module}.scram.ScramLoginModule required;`,
    [`${listener}.scram-sha-512.sasl.jaas.config`]: `${module}.scram.ScramLoginModule required;`,
    [`${listener}.ssl.client.auth`]: 'required',
    [`${listener}.ssl.keystore.type`]: 'PEM',
    [`${listener}.ssl.keystore.location`]: keystoreFile,
    [`${listener}.ssl.truststore.type`]: 'PEM',
    [`${listener}.ssl.truststore.location`]: truststoreFile,
  };
}

/** @param {Secured | undefined} secured its user is known to SCRAM from the first start on */
function formatStorage(java, jars, folder, secured) {
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    secured === undefined
      ? []
      : ['--add-scram', `${mechanism}=[name=${secured.user},password=${secured.password}]`],
  );
  const { status, stdout, stderr, error } = spawnSync(
    java,
    [
      '-Xmx64m',
      '-XX:TieredStopAtLevel=1',
      LOG_WARNINGS,
      '-cp',
      `${jars.folder}/*`,
      'kafka.tools.StorageTool',
    ].concat(['format', '-t', CLUSTER_ID, '-c', join(folder, 'server.properties'), ...users]),
    { cwd: folder, encoding: 'utf8' },
  );
  if (status !== 0)
    throw new Error(`The storage of Kafka could not be formatted: ${error ?? `${stdout}${stderr}`}`);
}

async function describeCluster(brokers, { retries } = { retries: 0 }) {
  const admin = new kafkajs.Kafka({
    brokers,
    clientId: 'tampines-probe',
    connectionTimeout: ASK_WITHIN_MS,
    requestTimeout: ASK_WITHIN_MS,
    retry: { retries },
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin();
  try {
    await admin.connect();
    return await admin.describeCluster();
  } finally {
    await admin.disconnect();
  }
}

function findJava() {
  const home = process.env.JAVA_HOME;
  return findOrInstall({
    program: 'java',
    debianPackage: 'default-jre-headless',
    folders: home === undefined ? [] : [join(home, 'bin')],
    variable: 'KAFKA_BROKERS',
  });
}
