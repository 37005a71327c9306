/**
 * The minutes of a ticker window as few arrays: how the window keeps what lies behind it, and what a state snapshot holds of it. A window has up to
 * 86,400 seconds in 1,441 minutes; a recovery of many instruments, or a checkpoint, hardly has the time to look at each.
 */
import { IntegerWriter } from './integer-bytes.ts';
import { isMinuteForm, packMinute, unpackMinute } from './packed-minute.ts';
import type { MinuteSeconds } from './ticker-minute.ts';
import { MINUTE_MS, TickerMinute, endOfSecond } from './ticker-minute.ts';
import type { Units } from './units.ts';

/** Parallel over the minutes, ascending in time, none empty. Nobody changes them: a window and its snapshots share them. */
export type PackedMinutes = {
  /** Exclusive; the minute holds event times in (`startMs`, `startMs` + 60 s]. */
  readonly startsMs: readonly number[];
  /** Highest and lowest price of each. */
  readonly highs: readonly Units[];
  readonly lows: readonly Units[];
  /** Where the minute ends in `bytes`, and the next one begins. */
  readonly ends: readonly number[];
  /** The seconds, as `packMinute` writes them. */
  readonly bytes: Uint8Array;
};

export const NO_MINUTES: PackedMinutes = {
  startsMs: [],
  highs: [],
  lows: [],
  ends: [],
  bytes: new Uint8Array(),
};

/** Returns the minute at `index`, to be changed. O(seconds in it). @throws RangeError when its bytes are not those of this minute */
export function unpackMinuteAt(minutes: PackedMinutes, index: number): TickerMinute {
  const startMs = minutes.startsMs[index]!;
  const seconds = unpackMinute(startMs, minutes.bytes, startOf(minutes, index), minutes.ends[index]!);
  expectSecondsOf(startMs, seconds);
  const minute = new TickerMinute(startMs, seconds);
  const high = minutes.highs[index]!;
  const low = minutes.lows[index]!;
  if (minute.high === high && minute.low === low) return minute;
  throw new RangeError(
    `Cannot unpack the minute after ${startMs} ms: expected prices from ${low} to ${high} units, were ${minute.low} to ${minute.high}`,
  );
}

/**
 * Whole bytes may hold what no window ever held. Of each minute this looks at what tells it from others, and opens the first and the last: those that
 * are read at once. The others are looked into when they are opened. Arrays of one length are taken for granted. O(minutes).
 * @throws RangeError when these can not be the minutes of a window
 */
export function expectSoundMinutes(minutes: PackedMinutes): void {
  const { startsMs, highs, lows, ends, bytes } = minutes;
  const count = startsMs.length;
  let startMs = Number.NEGATIVE_INFINITY;
  let end = 0;
  for (let index = 0; index < count; index++) {
    if (startsMs[index]! <= startMs) throw unsound(index, 'it does not begin after the one before');
    if (ends[index]! <= end) throw unsound(index, 'it has no bytes');
    // Of a minute beyond the bytes there is none.
    if (!isMinuteForm(bytes[end])) throw unsound(index, `its first byte is ${bytes[end]}`);
    if (highs[index]! < lows[index]!) throw unsound(index, 'its highest price is below its lowest');
    startMs = startsMs[index]!;
    end = ends[index]!;
  }
  if (count > 0) unpackMinuteAt(minutes, 0);
  if (count > 1) unpackMinuteAt(minutes, count - 1);
}

/** Seconds ascend, each lies within the minute, and holds trades. */
function expectSecondsOf(startMs: number, { times, counts }: MinuteSeconds): void {
  let beforeMs = startMs;
  for (let index = 0; index < counts.length; index++) {
    const firstMs = times[2 * index]!;
    const lastMs = times[2 * index + 1]!;
    const endMs = endOfSecond(firstMs);
    if (firstMs <= beforeMs || lastMs < firstMs || lastMs > endMs || counts[index]! < 1) {
      throw new RangeError(
        `Cannot unpack the minute after ${startMs} ms: expected trades after ${beforeMs} ms within a second, was ${counts[index]} from ${firstMs} to ${lastMs} ms`,
      );
    }
    beforeMs = endMs;
  }
  if (counts.length === 0 || beforeMs > startMs + MINUTE_MS) {
    throw new RangeError(
      `Cannot unpack the minute after ${startMs} ms: ${counts.length} seconds end at ${beforeMs} ms`,
    );
  }
}

function unsound(index: number, why: string): RangeError {
  return new RangeError(`Cannot read minutes: minute ${index} is none: ${why}`);
}

/** A busy minute takes no more; for a larger one the writer grows. */
const EXPECTED_MINUTE_BYTES = 2_048;

/** Takes minutes, oldest first, and returns them packed. */
export class MinutePacker {
  readonly #startsMs: number[] = [];
  readonly #highs: Units[] = [];
  readonly #lows: Units[] = [];
  readonly #ends: number[] = [];
  // Put together once all are there, so that the bytes of a whole day are copied once.
  readonly #parts: Uint8Array[] = [];
  #sizeBytes = 0;
  readonly #writer = new IntegerWriter(EXPECTED_MINUTE_BYTES);

  add(minute: TickerMinute): void {
    packMinute(minute.startMs, minute.seconds, this.#writer);
    this.#addPart(this.#writer.take());
    this.#startsMs.push(minute.startMs);
    this.#highs.push(minute.high);
    this.#lows.push(minute.low);
    this.#ends.push(this.#sizeBytes);
  }

  /** Adds the minutes from the place `from` to before `to` as they are: no second is looked at. */
  addPacked(minutes: PackedMinutes, from: number, to: number): void {
    if (from === to) return;
    const start = startOf(minutes, from);
    const shift = this.#sizeBytes - start;
    this.#addPart(minutes.bytes.subarray(start, minutes.ends[to - 1]));
    for (let index = from; index < to; index++) {
      this.#startsMs.push(minutes.startsMs[index]!);
      this.#highs.push(minutes.highs[index]!);
      this.#lows.push(minutes.lows[index]!);
      this.#ends.push(minutes.ends[index]! + shift);
    }
  }

  pack(): PackedMinutes {
    const bytes = new Uint8Array(this.#sizeBytes);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return { startsMs: this.#startsMs, highs: this.#highs, lows: this.#lows, ends: this.#ends, bytes };
  }

  #addPart(part: Uint8Array): void {
    this.#parts.push(part);
    this.#sizeBytes += part.length;
  }
}

function startOf({ ends }: PackedMinutes, index: number): number {
  return index === 0 ? 0 : ends[index - 1]!;
}
