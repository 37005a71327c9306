/**
 * Plays a recording straight into a connection actor, without sockets, as fast as it is taken. The order of the file is the order of what
 * the handlers see, over all connections and REST answers, so that two runs see the same.
 */
import type { Clock } from '../base/clock.ts';
import type { FeedSocket, FeedSocketHandlers, FeedTransport } from '../actors/feed-ports.ts';
import { RecordedAnswers } from './recorded-answers.ts';
import type { RecordingContents, RecordingLine, ReadingProgress } from './recording.ts';
import { inspectRecording, readRecording } from './recording.ts';

export type RecordingTransportOptions = {
  /**
   * `each` (default): every recorded connection needs its own socket, and playback waits for it. `merged`: the newest socket gets the frames
   * of all of them. A list: only these are played, the frames of others are left out.
   */
  readonly connections?: 'each' | 'merged' | readonly number[];
};

type PlaybackSummary = {
  /** Frames handed over. */
  readonly frameCount: number;
  /** Frames of connections that were not chosen. */
  readonly leftOutCount: number;
  /** REST answers that nobody had asked for by the end, lists of instruments included. */
  readonly unaskedAnswerCount: number;
  readonly lastReceiveTimeMs: number;
};

export type RecordingTransport = FeedTransport & {
  readonly contents: RecordingContents;
  /** Shows the receive time of the line that is being handed over. */
  readonly replayClock: Clock;
  /**
   * Plays the recording once, and resolves when its last line is handed over. Requests that nothing answered fail then, not before.
   * Call it before waiting for an answer: nothing is answered until the recording is played.
   * @throws TampinesError `RECORDING_INVALID`
   */
  play(options?: { onProgress?: (progress: ReadingProgress) => void }): Promise<PlaybackSummary>;
  /** Ends the playback after the current line and closes all sockets. */
  stop(): void;
};

/** Turns of the event loop that an answer waits for its request: the request is often caused by the frame just before. */
const REQUEST_WAIT_TURNS = 64;

/** @throws TampinesError `RECORDING_INVALID` */
export async function createRecordingTransport(
  path: string,
  options: RecordingTransportOptions = {},
): Promise<RecordingTransport> {
  return new Playback(path, await inspectRecording(path), options.connections ?? 'each');
}

/** A socket is bound to at most one recorded connection, and a recorded connection to at most one socket that is not closed. */
class Playback implements RecordingTransport {
  readonly contents: RecordingContents;
  readonly replayClock: Clock;
  readonly #path: string;
  readonly #choice: 'each' | 'merged' | readonly number[];
  readonly #answers = new RecordedAnswers();
  readonly #sockets = new Map<number, PlaybackSocket>();
  readonly #opened = new Set<PlaybackSocket>();
  #nowMs = 0;
  #firstMs: number | undefined;
  #isStopped = false;
  /** An answer was given outside its line: it must be read before the next frame comes. */
  #owesTurn = false;
  #wake: (() => void) | undefined;

  constructor(path: string, contents: RecordingContents, choice: 'each' | 'merged' | readonly number[]) {
    this.#path = path;
    this.contents = contents;
    this.#choice = choice;
    this.replayClock = {
      nowMs: () => this.#nowMs,
      monotonicMs: () => this.#nowMs - (this.#firstMs ?? this.#nowMs),
    };
  }

  open({ url }: { url: string }, handlers: FeedSocketHandlers): FeedSocket {
    const conn = this.#choice === 'merged' ? MERGED : this.#connectionFor(url);
    const socket = new PlaybackSocket(handlers, () => this.#wake?.());
    // A socket beyond the recorded ones opens and stays silent.
    if (conn !== undefined) this.#sockets.set(conn, socket);
    this.#opened.add(socket);
    if (this.#isStopped) socket.end('the playback has ended');
    return socket;
  }

  async request({ url }: { url: string }) {
    const { body } = await this.#answers.request(url);
    this.#owesTurn = true;
    return { status: 200, body, receiveTimeMs: this.#nowMs, retryAfterMs: undefined };
  }

  async play(options: { onProgress?: (progress: ReadingProgress) => void } = {}): Promise<PlaybackSummary> {
    let frameCount = 0;
    let leftOutCount = 0;
    try {
      for await (const lines of readRecording(this.#path, options)) {
        for (const line of lines) {
          if (this.#isStopped) break;
          if (line.dir === 'http') await this.#answer(line);
          if (line.dir !== 'in') continue;
          const conn = this.#choice === 'merged' ? MERGED : line.conn;
          if (Array.isArray(this.#choice) && !this.#choice.includes(conn)) {
            leftOutCount++;
            continue;
          }
          if (this.#owesTurn) await this.#takeTurn();
          // Waiting is the exception, so a frame normally costs no promise.
          const bound = this.#sockets.get(conn);
          const socket = bound?.isReading === true ? bound : await this.#readingSocket(conn);
          if (socket === undefined) break;
          this.#setTime(line.t);
          frameCount++;
          socket.handlers.onFrame(line.data, this.#nowMs);
        }
        await this.#takeTurn();
        if (this.#isStopped) break;
      }
    } finally {
      this.#answers.end();
    }
    return {
      frameCount,
      leftOutCount,
      unaskedAnswerCount: this.#answers.keptCount,
      lastReceiveTimeMs: this.#nowMs,
    };
  }

  stop(): void {
    this.#isStopped = true;
    this.#answers.end();
    for (const socket of this.#opened) socket.end('the playback has ended');
    this.#wake?.();
  }

  /** Resolves with the socket of a connection once it is open and not paused, opened anew where it was closed; `undefined` after `stop`. */
  async #readingSocket(conn: number): Promise<PlaybackSocket | undefined> {
    for (;;) {
      if (this.#isStopped) return undefined;
      const socket = this.#sockets.get(conn);
      if (socket?.isReading === true) return socket;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  async #answer(line: RecordingLine & { dir: 'http' }): Promise<void> {
    for (let turn = 0; turn < REQUEST_WAIT_TURNS && !this.#answers.isAwaited(line.url); turn++) {
      await this.#takeTurn();
    }
    this.#setTime(line.t);
    this.#answers.offer({ url: line.url, body: line.data });
    await this.#takeTurn();
  }

  /** Lets all that is ready run: microtasks first, then one turn of the event loop. */
  async #takeTurn(): Promise<void> {
    this.#owesTurn = false;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #setTime(t: number): void {
    this.#nowMs = Math.floor(t);
    this.#firstMs ??= this.#nowMs;
  }

  /** The first free recorded connection with the same address, else the same path, else the same host, else any. */
  #connectionFor(address: string): number | undefined {
    const isFree = (conn: number) => this.#sockets.get(conn)?.isClosed ?? true;
    const free = this.contents.connections.filter(
      ({ conn }) => isFree(conn) && (!Array.isArray(this.#choice) || this.#choice.includes(conn)),
    );
    const parsed = URL.canParse(address) ? new URL(address) : undefined;
    const likeness = (url: string): number => {
      if (url === address) return 3;
      if (parsed === undefined || !URL.canParse(url)) return 0;
      const other = new URL(url);
      if (parsed.pathname === other.pathname && parsed.pathname !== '/') return 2;
      return parsed.host === other.host ? 1 : 0;
    };
    let best: { conn: number; likeness: number } | undefined;
    for (const { conn, url } of free) {
      if (best === undefined || likeness(url) > best.likeness) best = { conn, likeness: likeness(url) };
    }
    return best?.conn;
  }
}

/** Stands for all recorded connections together. */
const MERGED = -1;

class PlaybackSocket implements FeedSocket {
  readonly handlers: FeedSocketHandlers;
  readonly #onChange: () => void;
  #isOpen = false;
  #isPaused = false;
  isClosed = false;

  constructor(handlers: FeedSocketHandlers, onChange: () => void) {
    this.handlers = handlers;
    this.#onChange = onChange;
    setImmediate(() => {
      if (this.isClosed) return;
      this.#isOpen = true;
      handlers.onOpen();
      onChange();
    });
  }

  get isReading(): boolean {
    return this.#isOpen && !this.#isPaused && !this.isClosed;
  }

  /** What a client sends was answered when the recording was made. */
  send(_frame: string): void {
    return;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#onChange();
  }

  close(reason: string): void {
    this.end(`closed by us: ${reason}`);
  }

  end(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    setImmediate(() => {
      this.handlers.onClosed(reason);
      this.#onChange();
    });
  }
}
