/**
 * Embedded Postgres for one process without any installation: PGlite in a worker thread, reached by the ordinary `pg` client through a
 * stream. Safe against a killed process, not against power loss: PGlite issues no fsync.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { TampinesError } from '../base/errors.ts';
import type { DirectoryLock } from './data-directory-lock.ts';
import { lockDataDirectory } from './data-directory-lock.ts';
import type { PgliteWorkerAnswer, PgliteWorkerInput, PgliteWorkerRequest } from './pglite-worker.ts';

/** Bytes of one statement that PGlite takes at once (its buffer ends at 1 GB); far above any batch that is written here. */
const STATEMENT_MAX_BYTES = 256 * 1024 * 1024;

export class EmbeddedPostgres {
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  #worker: Worker | undefined;
  #stream: PgliteStream | undefined;
  /** Also the number of the current client: an answer that was meant for an earlier one is dropped. */
  #clientCount = 0;
  #isStopping = false;
  #sentBytes = 0;

  private constructor(directory: string, lock: DirectoryLock) {
    this.#directory = directory;
    this.#lock = lock;
  }

  /**
   * Opens the database in `directory`; the first time this creates it, which takes some seconds.
   * @throws TampinesError `DATA_DIRECTORY_LOCKED` · `SERVICE_UNAVAILABLE` when it can not be opened
   */
  static async open(directory: string): Promise<EmbeddedPostgres> {
    const lock = lockDataDirectory(directory);
    const embedded = new EmbeddedPostgres(directory, lock);
    try {
      await embedded.#startWorker();
    } catch (error) {
      lock.release();
      throw error;
    }
    return embedded;
  }

  /** Whether `directory` already holds a database, so that opening it is quick. */
  static exists(directory: string): boolean {
    return existsSync(join(databaseDirectory(directory), 'PG_VERSION'));
  }

  /** Bytes that clients have sent so far: an upper bound of what was written. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /**
   * Returns the stream for a new client. There is one session: a stream that is still open is cut off, and a worker that died is started
   * again with the next stream.
   */
  createStream(): Duplex {
    this.#stream?.destroy();
    const client = ++this.#clientCount;
    const stream = new PgliteStream((bytes) => {
      this.#sentBytes += bytes.byteLength;
      this.#worker?.postMessage({ type: 'bytes', client, bytes } satisfies PgliteWorkerRequest, [
        bytes.buffer,
      ]);
    });
    this.#stream = stream;
    const started = this.#worker === undefined ? this.#startWorker() : Promise.resolve();
    started.then(
      () => {
        this.#send({ type: 'reset' });
        stream.open();
      },
      (error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))),
    );
    return stream;
  }

  async close(): Promise<void> {
    this.#isStopping = true;
    const worker = this.#worker;
    if (worker !== undefined) {
      const exited = once(worker, 'exit');
      this.#send({ type: 'stop' });
      await exited;
    }
    this.#lock.release();
  }

  #send(request: PgliteWorkerRequest): void {
    this.#worker?.postMessage(request);
  }

  async #startWorker(): Promise<void> {
    const input: PgliteWorkerInput = { directory: databaseDirectory(this.#directory) };
    const worker = createWorker(input);
    this.#worker = worker;
    await new Promise<void>((resolve, reject) => {
      const fail = (message: string, cause?: unknown): void => {
        reject(unavailable(this.#directory, message, cause));
        if (this.#worker === worker) this.#worker = undefined;
        this.#stream?.destroy(this.#isStopping ? undefined : unavailable(this.#directory, message, cause));
        void worker.terminate();
      };
      worker.on('message', (answer: PgliteWorkerAnswer) => {
        switch (answer.type) {
          case 'ready':
            resolve();
            return;
          case 'bytes':
            if (answer.client === this.#clientCount) this.#stream?.push(answer.bytes);
            return;
          case 'failed':
            fail(answer.message);
            return;
          case 'stopped':
            return;
          default:
            answer satisfies never;
        }
      });
      worker.once('error', (error) => fail(error.message, error));
      worker.once('exit', (code) => fail(`its thread ended with code ${code}`));
    });
  }
}

/** Compiled code runs as it is; from source (tests, benchmarks) the thread first needs the loader for TypeScript. */
function createWorker(workerData: PgliteWorkerInput): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./pglite-worker.js', import.meta.url), { workerData });
  }
  const source = new URL('./pglite-worker.ts', import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  return new Worker(
    `import(${JSON.stringify(tsx)}).then(({ tsImport }) => tsImport(${JSON.stringify(source)}, ${JSON.stringify(source)}))`,
    { workerData, eval: true },
  );
}

function databaseDirectory(directory: string): string {
  return join(directory, 'postgres');
}

function unavailable(directory: string, message: string, cause?: unknown): TampinesError {
  return new TampinesError('SERVICE_UNAVAILABLE', `Embedded Postgres in ${directory} failed: ${message}`, {
    cause,
    isRetryable: true,
  });
}

/** The client's end of the wire. Looks enough like a `net.Socket` for `pg`: it connects once the server is there. */
class PgliteStream extends Duplex {
  readonly #sendBytes: (bytes: Uint8Array<ArrayBuffer>) => void;
  #isOpen = false;
  #isWanted = false;

  constructor(sendBytes: (bytes: Uint8Array<ArrayBuffer>) => void) {
    super({ allowHalfOpen: false });
    this.#sendBytes = sendBytes;
  }

  open(): void {
    this.#isOpen = true;
    if (this.#isWanted) this.emit('connect');
  }

  connect(): this {
    this.#isWanted = true;
    if (this.#isOpen) process.nextTick(() => this.emit('connect'));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    // Answers are pushed as they come; `pg` holds one statement's answer at a time anyway.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  /** Parse, bind, execute and sync of one statement leave together: one message to the worker instead of five. */
  override _writev(
    chunks: { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    done();
    this.destroy();
  }

  #send(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    const byteCount = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    if (byteCount > STATEMENT_MAX_BYTES) {
      done(new RangeError(`Statement of ${byteCount} bytes is too large, at most ${STATEMENT_MAX_BYTES}`));
      return;
    }
    // A copy of its own: it is handed over to the worker, and the chunks are slices of shared buffers.
    const bytes = new Uint8Array(byteCount);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.byteLength;
    }
    this.#sendBytes(bytes);
    done();
  }
}
