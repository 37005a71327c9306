/** One client of the embedded server: its protocol, its subscriptions, and the commands that are about the connection. */
import type { Channels, Listener } from './channels.ts';
import { NATIVE_SCRIPTS } from './embedded-scripts.ts';
import type { Keyspace } from './keyspace.ts';
import { KEYSPACE_COMMANDS } from './keyspace-commands.ts';
import type { Reply, RespProtocol } from './resp-reply.ts';
import { encodeReply, OK } from './resp-reply.ts';
import { SCRIPTS } from './scripts.ts';

export type SessionOptions = {
  readonly id: number;
  readonly keys: Keyspace;
  readonly channels: Channels;
  /** Takes RESP as latin1 text. */
  readonly write: (text: string) => void;
  /** Called after QUIT was answered. */
  readonly onQuit: () => void;
  /** Called at the first line of an HTTP request: a web page can send one to this port, and the lines of its body would be commands. */
  readonly onHttp: () => void;
};

type SubscriptionKind = 'channel' | 'pattern';

/** What a client may still ask while it is subscribed under RESP2. */
const ALLOWED_WHILE_SUBSCRIBED = new Set([
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'PSUBSCRIBE',
  'PUNSUBSCRIBE',
  'PING',
  'QUIT',
]);
const SERVER_VERSION = '7.0.0';
/** Channels and patterns of one client. */
export const CLIENT_SUBSCRIPTIONS_MAX = 10_000;
const CHANNEL_NAME_MAX_BYTES = 1_024;
const TOO_MANY_SUBSCRIPTIONS: Reply = { error: 'ERR too many subscriptions, or the name is too long' };

export class RespSession implements Listener {
  readonly #options: SessionOptions;
  #protocol: RespProtocol = 2;
  #name = '';
  readonly #subscriptions = { channel: new Set<string>(), pattern: new Set<string>() };

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Answers one request; `args` is not empty. */
  answer(args: readonly string[]): void {
    this.#send(this.#run(args));
  }

  push(message: readonly Reply[]): void {
    this.#send({ outOfBand: message });
  }

  fail(reason: string): void {
    this.#send({ error: `ERR Protocol error: ${reason}` });
  }

  close(): void {
    for (const kind of ['channel', 'pattern'] as const) {
      for (const name of this.#subscriptions[kind]) this.#options.channels.unsubscribe(kind, name, this);
      this.#subscriptions[kind].clear();
    }
  }

  #send(reply: Reply): void {
    this.#options.write(encodeReply(reply, this.#protocol));
  }

  #run(args: readonly string[]): Reply {
    const name = args[0]!.toUpperCase();
    const rest = args.slice(1);
    if (this.#protocol === 2 && this.#subscriptionCount > 0 && !ALLOWED_WHILE_SUBSCRIBED.has(name)) {
      return { error: `ERR Can't execute '${name.toLowerCase()}' in this context: the client is subscribed` };
    }
    const command = KEYSPACE_COMMANDS.get(name);
    if (command === undefined) return this.#runForConnection(name, rest);
    if (rest.length < command.argsMin || rest.length > command.argsMax) return wrongArguments(name);
    return command.run(this.#options.keys, rest);
  }

  #runForConnection(name: string, args: readonly string[]): Reply {
    switch (name) {
      case 'PING':
        return this.#ping(args[0]);
      case 'ECHO':
        return args[0] ?? wrongArguments(name);
      case 'HELLO':
        return this.#hello(args);
      case 'AUTH':
        return { error: 'ERR AUTH called without any password configured for the default user' };
      case 'SELECT':
        return args[0] === '0' ? OK : { error: 'ERR DB index is out of range' };
      case 'CLIENT':
        return this.#client(args);
      case 'INFO':
        return `# Server\r\nredis_version:${SERVER_VERSION}\r\nredis_mode:standalone\r\n# Persistence\r\nloading:0\r\n# Replication\r\nrole:master\r\n`;
      case 'COMMAND':
        return args[0]?.toUpperCase() === 'COUNT' ? KEYSPACE_COMMANDS.size : [];
      case 'CONFIG':
        return { pairs: [] };
      case 'POST':
      case 'PUT':
      case 'HOST:':
        this.#options.onHttp();
        return OK;
      case 'QUIT':
        this.#options.onQuit();
        return OK;
      case 'PUBLISH':
        return args.length === 2 ? this.#options.channels.publish(args[0]!, args[1]!) : wrongArguments(name);
      case 'SUBSCRIBE':
        return this.#subscribe('channel', 'subscribe', args);
      case 'PSUBSCRIBE':
        return this.#subscribe('pattern', 'psubscribe', args);
      case 'UNSUBSCRIBE':
        return this.#unsubscribe('channel', 'unsubscribe', args);
      case 'PUNSUBSCRIBE':
        return this.#unsubscribe('pattern', 'punsubscribe', args);
      case 'EVALSHA':
        return this.#evalSha(args);
      case 'EVAL':
        return this.#eval(args);
      case 'SCRIPT':
        return script(args);
      default:
        return { error: `ERR unknown command '${name.slice(0, 64)}'` };
    }
  }

  #ping(message: string | undefined): Reply {
    if (this.#protocol === 2 && this.#subscriptionCount > 0) return ['pong', message ?? ''];
    return message ?? { simple: 'PONG' };
  }

  #hello(args: readonly string[]): Reply {
    const [version] = args;
    if (version !== undefined && version !== '2' && version !== '3') {
      return { error: 'NOPROTO unsupported protocol version' };
    }
    if (version !== undefined) this.#protocol = version === '3' ? 3 : 2;
    return {
      pairs: [
        ...['server', 'redis', 'version', SERVER_VERSION, 'proto', this.#protocol, 'id', this.#options.id],
        ...['mode', 'standalone', 'role', 'master', 'modules', []],
      ],
    };
  }

  #client(args: readonly string[]): Reply {
    switch ((args[0] ?? '').toUpperCase()) {
      case 'ID':
        return this.#options.id;
      case 'GETNAME':
        return this.#name;
      case 'SETNAME':
        this.#name = args[1] ?? '';
        return OK;
      case 'SETINFO':
        return OK;
      default:
        return { error: 'ERR unknown subcommand of CLIENT' };
    }
  }

  get #subscriptionCount(): number {
    return this.#subscriptions.channel.size + this.#subscriptions.pattern.size;
  }

  #subscribe(kind: SubscriptionKind, word: string, names: readonly string[]): Reply {
    if (names.length === 0) return wrongArguments(word);
    return {
      several: names.map((name) => {
        const isKnown = this.#subscriptions[kind].has(name);
        if (!isKnown && !this.#maySubscribe(kind, name)) return TOO_MANY_SUBSCRIPTIONS;
        this.#subscriptions[kind].add(name);
        return { outOfBand: [word, name, this.#subscriptionCount] };
      }),
    };
  }

  #maySubscribe(kind: SubscriptionKind, name: string): boolean {
    if (this.#subscriptionCount >= CLIENT_SUBSCRIPTIONS_MAX || name.length > CHANNEL_NAME_MAX_BYTES)
      return false;
    return this.#options.channels.subscribe(kind, name, this);
  }

  /** Without names: from all. */
  #unsubscribe(kind: SubscriptionKind, word: string, given: readonly string[]): Reply {
    const names = given.length === 0 ? [...this.#subscriptions[kind]] : given;
    if (names.length === 0) return { outOfBand: [word, undefined, this.#subscriptionCount] };
    return {
      several: names.map((name) => {
        this.#subscriptions[kind].delete(name);
        this.#options.channels.unsubscribe(kind, name, this);
        return { outOfBand: [word, name, this.#subscriptionCount] };
      }),
    };
  }

  #eval(args: readonly string[]): Reply {
    const known = SCRIPTS.find(({ lua }) => lua === args[0]);
    if (known === undefined) return { error: 'ERR this server runs only the scripts of its own publisher' };
    return this.#evalSha([known.sha, ...args.slice(1)]);
  }

  #evalSha([sha, keyCountText, ...rest]: readonly string[]): Reply {
    const run = NATIVE_SCRIPTS.get(sha?.toLowerCase() ?? '');
    if (run === undefined) return { error: 'NOSCRIPT No matching script. Please use EVAL.' };
    const keyCount = /^\d{1,6}$/.test(keyCountText ?? '') ? Number(keyCountText) : NaN;
    if (!(keyCount <= rest.length))
      return { error: "ERR Number of keys can't be greater than number of args" };
    const { keys, channels } = this.#options;
    return run(
      { keys, publish: (channel, message) => void channels.publish(channel, message) },
      rest.slice(0, keyCount),
      rest.slice(keyCount),
    );
  }
}

function script(args: readonly string[]): Reply {
  switch ((args[0] ?? '').toUpperCase()) {
    case 'LOAD': {
      const known = SCRIPTS.find(({ lua }) => lua === args[1]);
      return known?.sha ?? { error: 'ERR this server runs only the scripts of its own publisher' };
    }
    case 'EXISTS':
      return args.slice(1).map((sha) => (NATIVE_SCRIPTS.has(sha.toLowerCase()) ? 1 : 0));
    default:
      return { error: 'ERR unknown subcommand of SCRIPT' };
  }
}

function wrongArguments(name: string): Reply {
  return { error: `ERR wrong number of arguments for '${name.toLowerCase()}' command` };
}
