/** Dead letters of what can't be read in frames: each names its frame, cut to a stated length, and one frame gives only so many. */
import type { NativeSymbol } from '../market/symbols.ts';
import { toNativeSymbol } from '../market/symbols.ts';
import { detachedText } from './detached-text.ts';

/** Raw text kept of a frame that could not be understood. */
export const REJECTED_TEXT_MAX_CHARS = 4096;
/** Text kept of an exchange's own words (refusals, error bodies) and of reasons that quote them. */
export const EXCHANGE_WORDS_MAX_CHARS = 200;
/** Dead letters of one frame: a list of a million things that can't be read is told by its first ones and one with the number of the others. */
const REJECTIONS_PER_FRAME_MAX = 10;
/** Characters of a symbol that a dead letter names: what is no symbol of ours may be of any length. */
const SYMBOL_MAX_CHARS = 64;

type Frame = string | Uint8Array;
type Report = (symbol: NativeSymbol | undefined, reason: string, detail: string, text: string) => void;

export class FrameRejections {
  readonly #report: Report;
  #count = 0;
  #countInFrame = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Dead letters so far. */
  get count(): number {
    return this.#count;
  }

  frameBegins(): void {
    this.#countInFrame = 0;
  }

  /** A part of the frame in hand. Returns whether it is one of those that are told one by one. */
  rejectPart(symbol: NativeSymbol | undefined, detail: string, frame: Frame): boolean {
    const isTold = ++this.#countInFrame <= REJECTIONS_PER_FRAME_MAX;
    if (isTold) this.reject(symbol, detail, frame);
    return isTold;
  }

  /** Returns how many parts of the frame were not told one by one. */
  frameEnds(frame: Frame): number {
    const untoldCount = Math.max(0, this.#countInFrame - REJECTIONS_PER_FRAME_MAX);
    if (untoldCount > 0)
      this.reject(undefined, `${untoldCount} more parts of the frame can't be used`, frame);
    return untoldCount;
  }

  reject(symbol: NativeSymbol | undefined, detail: string, frame: Frame): void {
    this.#count++;
    const text =
      typeof frame === 'string'
        ? detachedText(frame, REJECTED_TEXT_MAX_CHARS)
        : Buffer.from(frame.subarray(0, REJECTED_TEXT_MAX_CHARS / 2)).toString('hex');
    const shortSymbol =
      symbol === undefined ? undefined : toNativeSymbol(detachedText(symbol, SYMBOL_MAX_CHARS));
    this.#report(shortSymbol, 'bad-frame', detachedText(detail, EXCHANGE_WORDS_MAX_CHARS), text);
  }
}
