/**
 * The minutes of one ticker window, each either packed or open. Most are packed: nobody asks for their seconds until the window's left edge reaches
 * them. The few that trades fall into, or that are asked for, are open; when they are many, all are packed.
 */
import type { PackedMinutes } from './packed-minutes.ts';
import { MinutePacker, NO_MINUTES, unpackMinuteAt } from './packed-minutes.ts';
import { TickerMinute } from './ticker-minute.ts';
import type { Scales, Units } from './units.ts';

/** Minutes that are open at once. To pack costs a copy of all, so that with fewer of them late trades far apart would cost more. */
const OPEN_MINUTES_MAX = 32;

export class WindowMinutes {
  // Ascending in time: an open minute, or the place of a packed one in #packed.
  #held: (TickerMinute | number)[] = [];
  #packed: PackedMinutes = NO_MINUTES;
  #openCount = 0;

  /** Decodes nothing. O(minutes). */
  constructor(minutes: PackedMinutes = NO_MINUTES) {
    this.#adopt(minutes);
  }

  /** `undefined` while there is no minute, as `first` and `last`. */
  get firstStartMs(): number | undefined {
    return this.#held.length === 0 ? undefined : this.#startMsAt(0);
  }

  get first(): TickerMinute | undefined {
    return this.#open(0);
  }

  get last(): TickerMinute | undefined {
    return this.#open(this.#held.length - 1);
  }

  /**
   * Returns the minute that begins at `startMs`, where there is none a new one that is to get a trade at once. It may be changed until another one
   * is asked for. O(1) for the newest, O(log minutes + seconds in it) for others; every 32nd that is opened costs a `pack`.
   */
  at(startMs: number): TickerMinute {
    const newest = this.#held.at(-1);
    if (typeof newest === 'object' && newest.startMs === startMs) return newest;
    const index = this.#findFrom(startMs);
    if (index < this.#held.length && this.#startMsAt(index) === startMs) return this.#open(index)!;
    this.#makeRoom();
    const minute = new TickerMinute(startMs);
    this.#held.splice(index, 0, minute);
    this.#openCount++;
    return minute;
  }

  removeFirst(): void {
    if (typeof this.#held.shift() === 'object') this.#openCount--;
  }

  /** Returns the highest and the lowest price of all; `undefined` while there is no minute. O(minutes). */
  extremes(): { high: Units; low: Units } | undefined {
    const { highs, lows } = this.#packed;
    let extremes: { high: Units; low: Units } | undefined;
    for (const held of this.#held) {
      const high = typeof held === 'number' ? highs[held]! : held.high;
      const low = typeof held === 'number' ? lows[held]! : held.low;
      extremes ??= { high, low };
      if (high > extremes.high) extremes.high = high;
      if (low < extremes.low) extremes.low = low;
    }
    return extremes;
  }

  /** Packs what is open and returns all, the same for the same minutes. O(bytes), O(1) when nothing was changed since the last time. */
  pack(): PackedMinutes {
    const packed = this.#packed;
    const held = this.#held;
    if (this.#openCount === 0 && held.length === packed.startsMs.length) return packed;
    const packer = new MinutePacker();
    for (let index = 0; index < held.length;) {
      const first = held[index]!;
      let count = 1;
      if (typeof first === 'number') {
        while (held[index + count] === first + count) count++;
        packer.addPacked(packed, first, first + count);
      } else {
        packer.add(first);
      }
      index += count;
    }
    this.#adopt(packer.pack());
    return this.#packed;
  }

  /** Restates all at larger scales. O(seconds with trades). */
  raiseScales(from: Scales, to: Scales): void {
    const packer = new MinutePacker();
    for (const held of this.#held) {
      const minute = typeof held === 'number' ? unpackMinuteAt(this.#packed, held) : held;
      minute.raiseScales(from, to);
      packer.add(minute);
    }
    this.#adopt(packer.pack());
  }

  #adopt(packed: PackedMinutes): void {
    this.#packed = packed;
    const held: number[] = [];
    for (let index = 0; index < packed.startsMs.length; index++) held.push(index);
    this.#held = held;
    this.#openCount = 0;
  }

  #open(index: number): TickerMinute | undefined {
    if (typeof this.#held[index] === 'number') this.#makeRoom();
    // Only now, for a packed minute's place changes when all are packed.
    const held = this.#held[index];
    if (typeof held !== 'number') return held;
    this.#openCount++;
    return (this.#held[index] = unpackMinuteAt(this.#packed, held));
  }

  #makeRoom(): void {
    if (this.#openCount >= OPEN_MINUTES_MAX) this.pack();
  }

  #startMsAt(index: number): number {
    const held = this.#held[index]!;
    return typeof held === 'number' ? this.#packed.startsMs[held]! : held.startMs;
  }

  /** Returns the index of the first minute that begins at `startMs` or later. */
  #findFrom(startMs: number): number {
    let low = 0;
    let high = this.#held.length;
    if (high > 0 && this.#startMsAt(high - 1) < startMs) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#startMsAt(middle) < startMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
