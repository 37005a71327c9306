/** One WebSocket between a process and an exchange: two queues of frames with travel times, and an end that either side may bring. */
import type { FeedSocket, FeedSocketHandlers } from '../../../src/actors/feed-ports.ts';
import type { Clock, RandomSource } from '../../../src/base/clock.ts';
import type {
  ClientConnection,
  ConnectionHandlers,
} from '../../../src/feeds/simulators/exchange-protocol.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { Process, World } from '../world/world.ts';
import type { NetworkExchange } from './market-network.ts';

/** How long a peer may take to answer our close frame before the connection is cut. */
const CLOSE_ANSWER_TIMEOUT_MS = 2_000;
const HANDSHAKE_TIMEOUT_MS = 15_000;

export type SimConnectionOptions = {
  readonly world: World;
  readonly process: Process;
  readonly clock: Clock;
  readonly exchange: NetworkExchange;
  readonly url: URL;
  readonly handlers: FeedSocketHandlers;
  readonly faults: FaultSwitches;
  readonly random: RandomSource;
};

/** What travels one way: none arrives before the one sent before it, whatever the order in which tasks are picked. */
class Line {
  readonly #world: World;
  readonly #receiver: Process;
  readonly #label: string;
  readonly #queue: (() => void)[] = [];
  #lastMs = 0;

  constructor(world: World, receiver: Process, label: string) {
    this.#world = world;
    this.#receiver = receiver;
    this.#label = label;
  }

  send(travelMs: number, action: () => void): void {
    this.#queue.push(action);
    this.#lastMs = Math.max(this.#lastMs, this.#world.nowMs + travelMs);
    this.#world.after(this.#receiver, this.#lastMs - this.#world.nowMs, this.#label, () =>
      this.#queue.shift()?.(),
    );
  }

  /** What is on its way never arrives. */
  cut(): void {
    this.#queue.length = 0;
  }
}

export class SimConnection {
  /** The process's end. */
  readonly client: FeedSocket;
  readonly #options: SimConnectionOptions;
  readonly #toClient: Line;
  readonly #toServer: Line;
  #server: ConnectionHandlers | undefined;
  #isOpen = false;
  /** The process has asked for the end: only `onClosed` comes. */
  #isEnding = false;
  #isClosedForClient = false;
  #isClosedForServer = false;
  #isDead = false;
  #isPaused = false;
  /** What arrived while the process did not read. */
  #unread: (() => void)[] = [];

  constructor(options: SimConnectionOptions) {
    this.#options = options;
    const { world, process, exchange } = options;
    this.#toClient = new Line(world, process, `from ${exchange.name}`);
    this.#toServer = new Line(world, world.nature, `to ${exchange.name}`);
    this.client = {
      send: (frame) => {
        if (this.#isOpen && !this.#isEnding) this.#sendToServer(() => this.#server?.onText(frame));
      },
      ping: () => {
        if (this.#isOpen && !this.#isEnding)
          this.#sendToServer(() => this.#sendToClient(() => this.#sign({ isAnswer: true })));
      },
      pause: () => (this.#isPaused = true),
      resume: () => this.#resume(),
      close: (reason) => this.#endByClient(reason),
    };
    world.after(world.nature, 2 * this.#travelMs(), `connect to ${exchange.name}`, () => this.#accept());
  }

  /** Cut without a word: what was on its way is lost. */
  terminate(): void {
    if (this.#isClosedForServer) return;
    this.#toClient.cut();
    this.#toClient.send(this.#travelMs(), () =>
      this.#closeClient('connection lost without a close frame (1006)'),
    );
    this.#endServer();
  }

  /** Half-open for good: nothing comes through any more, either way, and nobody is told; whoever waits for the handshake gives it up himself. */
  fallDead(): void {
    this.#isDead = true;
    this.#toClient.cut();
    if (!this.#isOpen) this.#giveUpHandshake();
    this.#endServer();
  }

  /** The process is gone: its system closes what it held. */
  abandon(): void {
    const { world } = this.#options;
    this.#isEnding = this.#isClosedForClient = true;
    world.after(world.nature, this.#travelMs(), 'reset', () => this.#endServer());
  }

  #accept(): void {
    const { exchange, handlers, faults, url } = this.#options;
    if (this.#isClosedForClient) return;
    if (exchange.isSilent) {
      faults.count('connect unanswered');
      this.#giveUpHandshake();
      return;
    }
    exchange.connections.add(this);
    this.#sendToClient(() => {
      this.#isOpen = true;
      if (!this.#isEnding) handlers.onOpen();
    });
    this.#server = exchange.protocol.accept(this.#serverSide(), url);
  }

  #giveUpHandshake(): void {
    this.#toClient.send(HANDSHAKE_TIMEOUT_MS, () =>
      this.#closeClient('connection failed: handshake has timed out'),
    );
  }

  #serverSide(): ClientConnection {
    const { exchange } = this.#options;
    const send = (text: string): void => {
      if (exchange.isSilent || this.#isClosedForServer) return;
      this.#sendToClient(() => this.#read(text));
    };
    return {
      send,
      sendMarketData: (text) => {
        send(exchange.takeCorruption() ? text.slice(0, Math.floor(text.length / 2)) : text);
      },
      ping: () => {
        if (exchange.isSilent || this.#isClosedForServer) return;
        this.#sendToClient(() => {
          this.#sign({ isAnswer: false });
          if (!this.#isEnding) this.#sendToServer(() => this.#server?.onPong?.());
        });
      },
      close: (code, reason = '') => {
        if (this.#isClosedForServer) return;
        this.#sendToClient(() => this.#closeClient(`closed by the exchange (${code}): ${reason}`));
        this.#endServer();
      },
      terminate: () => this.terminate(),
    };
  }

  #resume(): void {
    this.#isPaused = false;
    const { world, process } = this.#options;
    // Never within the call that asks for it. Until then what arrives waits behind what arrived before.
    if (this.#unread.length > 0) world.after(process, 0, 'read on', () => this.#readOn());
  }

  #readOn(): void {
    while (!this.#isPaused) {
      const action = this.#unread.shift();
      if (action === undefined) return;
      action();
    }
  }

  #endByClient(reason: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const described = `closed by us: ${reason}`;
    const { world, process, exchange } = this.#options;
    this.#isPaused = false;
    this.#unread = [];
    if (!this.#isOpen) {
      world.after(process, 0, 'close', () => this.#closeClient(described));
      world.after(world.nature, this.#travelMs(), 'reset', () => this.#endServer());
      return;
    }
    this.#sendToServer(() => {
      this.#sendToClient(() => this.#closeClient(described));
      this.#endServer();
    });
    // A half-open peer never answers: ours is the last word after a moment.
    world.after(process, CLOSE_ANSWER_TIMEOUT_MS, `cut from ${exchange.name}`, () => {
      this.#closeClient(described);
      world.after(world.nature, this.#travelMs(), 'reset', () => this.#endServer());
    });
  }

  #read(text: string): void {
    this.#take(() => {
      if (!this.#isEnding && !this.#isClosedForClient)
        this.#options.handlers.onFrame(text, this.#options.clock.nowMs());
    });
  }

  #sign(sign: { readonly isAnswer: boolean }): void {
    this.#take(() => {
      if (!this.#isEnding && !this.#isClosedForClient) this.#options.handlers.onSign?.(sign);
    });
  }

  #closeClient(reason: string): void {
    const close = (): void => {
      if (this.#isClosedForClient) return;
      this.#isClosedForClient = true;
      this.#isOpen = false;
      this.#options.handlers.onClosed(reason);
    };
    // A socket that is not read does not see its end either, unless the process brought it.
    if (this.#isEnding) close();
    else this.#take(close);
  }

  #take(action: () => void): void {
    if (this.#isPaused || this.#unread.length > 0) this.#unread.push(action);
    else action();
  }

  #endServer(): void {
    if (this.#isClosedForServer) return;
    this.#isClosedForServer = true;
    this.#options.exchange.connections.delete(this);
    this.#server?.onClosed();
  }

  #sendToClient(action: () => void): void {
    if (!this.#isDead) this.#toClient.send(this.#travelMs(), action);
  }

  #sendToServer(action: () => void): void {
    this.#toServer.send(this.#travelMs(), () => {
      if (!this.#options.exchange.isSilent && !this.#isClosedForServer) action();
    });
  }

  #travelMs(): number {
    const { faults, random } = this.#options;
    return faults.rates.networkMs * (0.5 + 3 * random() ** 3);
  }
}
