/** A feed that sends the same frames from the first on to whoever opens it, as a recording does: what a new life needs to go on where the last ended. */
import type { FeedSocket, FeedSocketHandlers, FeedTransport } from '../../../src/actors/feed-ports.ts';
import { TampinesError } from '../../../src/base/errors.ts';
import type { Process, World } from '../world/world.ts';

export type RecordedFrame = { readonly text: string; readonly receiveTimeMs: number };

const FRAME_EVERY_MS = 4;

export class RecordedFeed implements FeedTransport {
  readonly #world: World;
  readonly #process: Process;
  readonly #frames: readonly RecordedFrame[];
  #isAtEnd = false;

  constructor(world: World, process: Process, frames: readonly RecordedFrame[]) {
    this.#world = world;
    this.#process = process;
    this.#frames = frames;
  }

  /** Whether the last frame has been handed over. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  open(_options: object, handlers: FeedSocketHandlers): FeedSocket {
    let next = 0;
    let isPaused = false;
    let isClosed = false;
    const play = (): void => {
      this.#world.after(this.#process, FRAME_EVERY_MS, 'frame', () => {
        if (isPaused || isClosed) return;
        const frame = this.#frames[next++];
        if (frame === undefined) {
          this.#isAtEnd = true;
          return;
        }
        handlers.onFrame(frame.text, frame.receiveTimeMs);
        play();
      });
    };
    this.#world.after(this.#process, 1, 'open', () => {
      handlers.onOpen();
      play();
    });
    return {
      send: () => undefined,
      pause: () => (isPaused = true),
      resume: () => {
        isPaused = false;
        play();
      },
      close: (reason) => {
        isClosed = true;
        this.#world.after(this.#process, 0, 'close', () => handlers.onClosed(reason));
      },
    };
  }

  request(): Promise<never> {
    return Promise.reject(new TampinesError('FEED_REQUEST', 'A recorded feed answers no requests'));
  }
}
