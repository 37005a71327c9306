/**
 * A TCP proxy in front of one server that spoils connections on command. A connection that was half-open stays dead until it is reset: its
 * bytes are lost, as if the other side had died without a word.
 */
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

export type ProxyFault =
  | { readonly kind: 'none' }
  /** New connections are reset at once; those that are open go on. */
  | { readonly kind: 'refuse' }
  /** What either side sends is swallowed, on open and on new connections. */
  | { readonly kind: 'halfOpen' }
  /** Everything comes this much later, in order. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Answers come in small pieces, at most so many bytes a second; the server is held up by it. */
  | { readonly kind: 'drip'; readonly bytesPerSecond: number };

const DRIP_PERIOD_MS = 50;
const NO_FAULT: ProxyFault = { kind: 'none' };

export class FaultProxy {
  readonly #targetPort: () => number;
  readonly #server;
  readonly #links = new Set<Link>();
  #fault: ProxyFault = NO_FAULT;

  private constructor(targetPort: () => number) {
    this.#targetPort = targetPort;
    this.#server = createServer({ allowHalfOpen: false }, (client) => this.#accept(client));
  }

  /** @param targetPort of the server; a function where the server must know this proxy's port before it has one of its own */
  static async start(targetPort: number | (() => number)): Promise<FaultProxy> {
    const proxy = new FaultProxy(typeof targetPort === 'function' ? targetPort : () => targetPort);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#links.size;
  }

  /** Bytes that are held back now. */
  get waitingBytes(): number {
    return [...this.#links].reduce((sum, link) => sum + link.waitingBytes, 0);
  }

  /** Sets what happens from now on. Connections that swallowed something stay dead until `resetDead`. */
  setFault(fault: ProxyFault): void {
    this.#fault = fault;
    for (const link of this.#links) link.setFault(fault);
  }

  heal(): void {
    this.setFault(NO_FAULT);
  }

  /** Resets every open connection on both sides. */
  cut(): void {
    for (const link of this.#links) link.reset();
  }

  /** Resets the connections that were half-open, as a network does once it carries packets again. */
  resetDead(): void {
    for (const link of this.#links) if (link.isDead) link.reset();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.#fault.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const link: Link = new Link(client, connect(this.#targetPort(), '127.0.0.1'), () =>
      this.#links.delete(link),
    );
    this.#links.add(link);
    link.setFault(this.#fault);
  }
}

/** One connection of a client and the one behind it to the server. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #flows: readonly [Flow, Flow];
  #fault: ProxyFault = NO_FAULT;
  isDead = false;

  constructor(client: Socket, upstream: Socket, onClosed: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#flows = [new Flow(client, upstream), new Flow(upstream, client)];
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.reset());
      socket.on('close', () => {
        // One side that closed in order lets the other read what is on its way; a dead connection tells nobody.
        if (!this.isDead) this.#end();
        if (client.destroyed && upstream.destroyed) onClosed();
      });
    }
  }

  get waitingBytes(): number {
    return this.#flows.reduce((sum, flow) => sum + flow.waitingBytes, 0);
  }

  setFault(fault: ProxyFault): void {
    this.#fault = fault;
    if (fault.kind === 'halfOpen') this.isDead = true;
    for (const flow of this.#flows) flow.setFault(this.isDead ? { kind: 'halfOpen' } : this.#fault);
  }

  reset(): void {
    for (const flow of this.#flows) flow.stop();
    for (const socket of [this.#client, this.#upstream]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  #end(): void {
    for (const flow of this.#flows) flow.finish();
  }
}

type Chunk = { readonly bytes: Buffer; readonly dueMs: number };

/** One direction: what was read waits here until it is due, and the reader is paused while too much waits. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  #fault: ProxyFault = NO_FAULT;
  #waiting: Chunk[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isFinished = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    to.on('drain', () => this.#from.resume());
  }

  setFault(fault: ProxyFault): void {
    this.#fault = fault;
    if (fault.kind === 'halfOpen') this.#waiting = [];
    // What waits is due by the new rule.
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pump();
  }

  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Nothing more comes: what waits is still written, then the other side is closed too. */
  finish(): void {
    this.#isFinished = true;
    this.#pump();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #take(bytes: Buffer): void {
    const fault = this.#fault;
    if (fault.kind === 'halfOpen') return;
    if (fault.kind === 'none' && this.#waiting.length === 0) {
      this.#write(bytes);
      return;
    }
    const dueMs = performance.now() + (fault.kind === 'delay' ? fault.delayMs : 0);
    this.#waiting.push({ bytes, dueMs });
    if (fault.kind === 'drip') this.#from.pause();
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== undefined) return;
    while (this.#waiting.length > 0) {
      const [{ bytes, dueMs }] = this.#waiting as [Chunk];
      if (this.#fault.kind === 'drip') {
        const pieceBytes = Math.max(1, Math.floor((this.#fault.bytesPerSecond * DRIP_PERIOD_MS) / 1000));
        this.#write(bytes.subarray(0, pieceBytes));
        if (bytes.length > pieceBytes) this.#waiting[0] = { bytes: bytes.subarray(pieceBytes), dueMs };
        else this.#waiting.shift();
        this.#later(DRIP_PERIOD_MS);
        return;
      }
      const waitMs = dueMs - performance.now();
      if (waitMs > 0 && this.#fault.kind === 'delay') {
        this.#later(waitMs);
        return;
      }
      this.#waiting.shift();
      this.#write(bytes);
    }
    this.#from.resume();
    if (this.#isFinished && !this.#to.destroyed) this.#to.end();
  }

  #later(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pump();
    }, delayMs);
  }

  #write(bytes: Buffer): void {
    if (this.#to.destroyed || this.#to.writableEnded) return;
    if (!this.#to.write(bytes)) this.#from.pause();
  }
}
