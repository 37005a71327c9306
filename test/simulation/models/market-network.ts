/**
 * The network between processes and simulated exchanges: connections whose frames keep their order and whose times vary, REST beside them, and
 * what goes wrong between: cuts, half-open connections, lost and refused requests. It carries an exchange's protocol without sockets.
 */
import type {
  FeedSocket,
  FeedSocketHandlers,
  FeedTransport,
  HttpAnswer,
} from '../../../src/actors/feed-ports.ts';
import type { Clock, RandomSource } from '../../../src/base/clock.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import type { HttpRequest } from '../../../src/exchanges/adapter.ts';
import type { ExchangeProtocol, RestAnswer } from '../../../src/feeds/simulators/exchange-protocol.ts';
import type { CarrierFaults } from '../../../src/feeds/simulators/simulated-faults.ts';
import type { FaultSwitches } from '../faults/fault-switches.ts';
import type { Process, World } from '../world/world.ts';
import { SimConnection } from './sim-connection.ts';

/** One exchange on the network. */
export class NetworkExchange implements CarrierFaults {
  readonly name: string;
  readonly protocol: ExchangeProtocol;
  readonly connections = new Set<SimConnection>();
  isSilent = false;
  #corruptFrames = 0;
  #refusals = { count: 0, retryAfterSeconds: 0 };
  readonly #world: World;

  constructor(world: World, name: string, protocol: ExchangeProtocol) {
    this.#world = world;
    this.name = name;
    this.protocol = protocol;
  }

  corruptNext(): void {
    this.#corruptFrames++;
  }

  takeCorruption(): boolean {
    if (this.#corruptFrames === 0) return false;
    this.#corruptFrames--;
    return true;
  }

  disconnectAll(): void {
    for (const connection of [...this.connections]) connection.terminate();
  }

  /** Connections that are open now are dead from here on, though nobody tells; new ones can't be opened, nor requests answered, for so long. */
  fallSilent(durationMs: number): void {
    for (const connection of [...this.connections]) connection.fallDead();
    this.isSilent = true;
    this.#world.after(this.#world.nature, durationMs, 'exchange speaks again', () => (this.isSilent = false));
  }

  refuseRest(count: number, retryAfterSeconds: number): void {
    this.#refusals = { count, retryAfterSeconds };
  }

  answer(url: URL): RestAnswer {
    if (this.#refusals.count === 0) return this.protocol.answer(url);
    this.#refusals.count--;
    return {
      status: 429,
      body: '{"code":-1003,"msg":"Too many requests."}',
      headers: { 'retry-after': String(this.#refusals.retryAfterSeconds) },
    };
  }
}

/** What one process sees of the network. */
export class NetworkTransport implements FeedTransport {
  readonly #world: World;
  readonly #process: Process;
  readonly #clock: Clock;
  readonly #exchanges: ReadonlyMap<string, NetworkExchange>;
  readonly #faults: FaultSwitches;
  readonly #random: RandomSource;
  readonly #connections = new Set<SimConnection>();

  constructor(options: {
    world: World;
    process: Process;
    exchanges: ReadonlyMap<string, NetworkExchange>;
    faults: FaultSwitches;
  }) {
    this.#world = options.world;
    this.#process = options.process;
    this.#clock = options.world.clockOf(options.process);
    this.#exchanges = options.exchanges;
    this.#faults = options.faults;
    this.#random = options.world.stream(`network of ${options.process.name}`);
  }

  open({ url }: { url: string }, handlers: FeedSocketHandlers): FeedSocket {
    const connection = new SimConnection({
      world: this.#world,
      process: this.#process,
      clock: this.#clock,
      exchange: this.#exchangeOf(url),
      url: new URL(url),
      handlers,
      faults: this.#faults,
      random: this.#random,
    });
    this.#connections.add(connection);
    return connection.client;
  }

  /** The process died: the exchanges see its connections end. */
  abandon(): void {
    for (const connection of this.#connections) connection.abandon();
  }

  request(request: HttpRequest, { timeoutMs }: { timeoutMs: number }): Promise<HttpAnswer> {
    const exchange = this.#exchangeOf(request.url);
    return new Promise((resolve, reject) => {
      const timer = this.#world.after(this.#process, timeoutMs, 'rest timeout', () =>
        reject(
          new TampinesError('FEED_REQUEST', `${request.url} did not answer within ${timeoutMs} ms`, {
            isRetryable: true,
          }),
        ),
      );
      if (this.#random() < this.#faults.rates.restLostRate) {
        this.#faults.count('rest request lost');
        return;
      }
      this.#world.after(this.#world.nature, this.#travelMs(), 'rest request', () => {
        if (exchange.isSilent) return;
        const answer = exchange.answer(new URL(request.url));
        if (answer.status === 429) this.#faults.count('rest refused');
        const delayMs = (answer.delayMs ?? 0) + this.#travelMs();
        this.#world.after(this.#process, delayMs, 'rest answer', () => {
          timer.cancel();
          resolve({
            status: answer.status,
            body: answer.body,
            receiveTimeMs: this.#clock.nowMs(),
            retryAfterMs: retryAfterOf(answer),
          });
        });
      });
    });
  }

  #travelMs(): number {
    return this.#faults.rates.networkMs * (0.5 + 3 * this.#random() ** 3);
  }

  #exchangeOf(url: string): NetworkExchange {
    const name = new URL(url).hostname.split('.')[0]!;
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw new Error(`There is no exchange at ${url}`);
    return exchange;
  }
}

function retryAfterOf({ headers }: RestAnswer): number | undefined {
  const seconds = headers?.['retry-after'];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
