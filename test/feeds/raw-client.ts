/** A WebSocket client without any knowledge of protocols, for tests of the simulated exchanges. */
import { WebSocket } from 'ws';

export class RawClient {
  readonly frames: string[] = [];
  readonly closed: Promise<number>;
  #closeCode: number | undefined;
  pingCount = 0;
  readonly #socket: WebSocket;
  #waiting: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (bytes: Buffer) => {
      this.frames.push(bytes.toString());
      this.#wake();
    });
    socket.on('ping', () => {
      this.pingCount++;
      this.#wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code: number) => {
        this.#closeCode = code;
        this.#wake();
        resolve(code);
      });
    });
  }

  static async open(url: string, options: { autoPong?: boolean } = {}): Promise<RawClient> {
    const socket = new WebSocket(url, options);
    const client = new RawClient(socket);
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  send(request: object | string): void {
    this.#socket.send(typeof request === 'string' ? request : JSON.stringify(request));
  }

  ping(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.once('pong', () => resolve());
      this.#socket.ping();
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  /** Waits until what was received fulfils the condition. @throws Error when the connection closes before */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      if (this.#closeCode !== undefined) throw new Error(`closed with ${this.#closeCode} before`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Waits for a frame that contains the text; the first one from `fromIndex` on. */
  async frameWith(text: string, fromIndex = 0): Promise<string> {
    const find = () => this.frames.findIndex((frame, index) => index >= fromIndex && frame.includes(text));
    await this.until(() => find() >= 0);
    return this.frames[find()]!;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A book kept as texts: the slow and obvious way. */
export class TextBook {
  readonly bids = new Map<string, string>();
  readonly asks = new Map<string, string>();

  apply(side: 'bids' | 'asks', levels: readonly (readonly string[])[]): void {
    for (const [price = '', quantity = ''] of levels) {
      if (/^0(\.0*)?$/.test(quantity)) this[side].delete(price);
      else this[side].set(price, quantity);
    }
  }

  cut(depth: number): void {
    for (const side of ['bids', 'asks'] as const) {
      for (const [price] of this.sorted(side).slice(depth)) this[side].delete(price);
    }
  }

  sorted(side: 'bids' | 'asks'): [string, string][] {
    const sign = side === 'bids' ? -1 : 1;
    // Test prices are far below 2^53 units, so their order survives a float.
    return [...this[side]].sort(([a], [b]) => sign * (Number(a) - Number(b)));
  }
}
