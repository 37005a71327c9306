/**
 * One minute of the ticker window as bytes. Each second tells how it differs from the one before, so that one with a single trade usually takes
 * some ten bytes and one with many some 25. The same minute always gives the same bytes, whatever is around it.
 *
 * A stored format, part of the schema `state-1`: what is written here must stay readable. Another layout takes another form.
 *
 * 1. The first integer is the form: how trade keys are written.
 * 2. Then come the seconds, oldest first, up to the end of the bytes. Each begins with its count of trades; where all values of the second are
 *    those of one trade, −1 − count.
 * 3. Time of the first trade − time of the last trade before (at first: the minute's start); key of the first trade; open − last price before
 *    (at first: 0); volume. Here a second of one trade ends.
 * 4. Time of the last trade − time of the first; key of the last trade; last − open; high − open; open − low; quote volume − volume × open.
 * 5. A key that is a number is written as what it differs from the key before (at first: 0) in the form `NUMBERS`. In the form `TEXTS` it is
 *    written as it is, and one that is text as −1 − its length, then its UTF-16 code units: exact for any text, a byte for each plain letter.
 */
import { IntegerReader, toNumber } from './integer-bytes.ts';
import type { IntegerWriter } from './integer-bytes.ts';
import type { MinuteSeconds } from './ticker-minute.ts';
import { HIGH, LAST, LOW, OPEN, QUOTE_VOLUME, UNITS_PER_SECOND, VOLUME } from './ticker-minute.ts';
import type { TradeKey } from './trade-order.ts';
import type { Units } from './units.ts';
import { addUnits, multiplyUnits, subtractUnits } from './units.ts';

const NUMBERS = 0;
const TEXTS = 1;

/** Appends the minute that begins at `startMs`. O(seconds), as is `unpackMinute`. */
export function packMinute(startMs: number, seconds: MinuteSeconds, writer: IntegerWriter): void {
  const { times, keys, units, counts } = seconds;
  const form = keys.every((key) => typeof key === 'number') ? NUMBERS : TEXTS;
  writer.write(form);
  let timeMs = startMs;
  let key: TradeKey = 0;
  let price: Units = 0;
  for (let index = 0; index < counts.length; index++) {
    const at = index * UNITS_PER_SECOND;
    const firstMs = times[2 * index]!;
    const lastMs = times[2 * index + 1]!;
    const firstKey = keys[2 * index]!;
    const lastKey = keys[2 * index + 1]!;
    const open = units[at + OPEN]!;
    const last = units[at + LAST]!;
    const high = units[at + HIGH]!;
    const low = units[at + LOW]!;
    const volume = units[at + VOLUME]!;
    const quoteVolume = units[at + QUOTE_VOLUME]!;
    const quoteAtOpen = multiplyUnits(volume, open);
    const isOfOneTrade =
      lastMs === firstMs &&
      lastKey === firstKey &&
      last === open &&
      high === open &&
      low === open &&
      quoteVolume === quoteAtOpen;
    writer.write(isOfOneTrade ? -1 - counts[index]! : counts[index]!);
    writer.write(subtractUnits(firstMs, timeMs));
    writeKey(writer, form, firstKey, key);
    writer.write(subtractUnits(open, price));
    writer.write(volume);
    timeMs = lastMs;
    key = lastKey;
    price = last;
    if (isOfOneTrade) continue;
    writer.write(subtractUnits(lastMs, firstMs));
    writeKey(writer, form, lastKey, firstKey);
    writer.write(subtractUnits(last, open));
    writer.write(subtractUnits(high, open));
    writer.write(subtractUnits(open, low));
    writer.write(subtractUnits(quoteVolume, quoteAtOpen));
  }
}

/**
 * Returns the seconds of the minute that begins at `startMs` and whose bytes go from `start` to before `end`.
 * @throws RangeError when they are not those of a minute
 */
export function unpackMinute(startMs: number, bytes: Uint8Array, start: number, end: number): MinuteSeconds {
  const reader = new IntegerReader(bytes, start, end);
  const form = reader.read();
  if (form !== NUMBERS && form !== TEXTS) {
    throw new RangeError(`Cannot unpack a minute: expected form ${NUMBERS} or ${TEXTS}, was ${form}`);
  }
  const seconds: MinuteSeconds = { times: [], keys: [], units: [], counts: [] };
  let timeMs = startMs;
  let key: TradeKey = 0;
  let price: Units = 0;
  while (!reader.isAtEnd) {
    const head = reader.readNumber();
    const firstMs = toNumber(addUnits(timeMs, reader.read()));
    const firstKey = readKey(reader, form, key);
    const open = addUnits(price, reader.read());
    const volume = reader.read();
    const quoteAtOpen = multiplyUnits(volume, open);
    if (head < 0) {
      timeMs = firstMs;
      key = firstKey;
      price = open;
      seconds.units.push(open, open, open, open, volume, quoteAtOpen);
    } else {
      timeMs = toNumber(addUnits(firstMs, reader.read()));
      key = readKey(reader, form, firstKey);
      price = addUnits(open, reader.read());
      const high = addUnits(open, reader.read());
      const low = subtractUnits(open, reader.read());
      seconds.units.push(open, price, high, low, volume, addUnits(quoteAtOpen, reader.read()));
    }
    seconds.times.push(firstMs, timeMs);
    seconds.keys.push(firstKey, key);
    seconds.counts.push(head < 0 ? -1 - head : head);
  }
  return seconds;
}

/** Whether a minute can begin with the byte. */
export function isMinuteForm(byte: number | undefined): boolean {
  // An integer that small is one byte, twice as large: the sign is below it.
  return byte === 2 * NUMBERS || byte === 2 * TEXTS;
}

function writeKey(writer: IntegerWriter, form: number, key: TradeKey, before: TradeKey): void {
  if (typeof key === 'number') {
    writer.write(form === NUMBERS && typeof before === 'number' ? subtractUnits(key, before) : key);
    return;
  }
  writer.write(-1 - key.length);
  for (let index = 0; index < key.length; index++) writer.write(key.charCodeAt(index));
}

function readKey(reader: IntegerReader, form: number, before: TradeKey): TradeKey {
  const head = reader.read();
  if (form === NUMBERS && typeof before === 'number') return toNumber(addUnits(before, head));
  const value = toNumber(head);
  if (value >= 0) return value;
  const length = -1 - value;
  let text = '';
  for (let index = 0; index < length; index++) text += String.fromCharCode(reader.readNumber());
  return text;
}
