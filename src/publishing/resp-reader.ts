/**
 * Cuts a client's bytes into requests: RESP arrays of bulk strings, or inline commands. Bytes are held as latin1 text, one character per byte:
 * exact for any bytes, and as quick as text.
 */

/** A request, with all its arguments, may not be longer. */
export const REQUEST_MAX_BYTES = 16 * 1024 * 1024;
export const REQUEST_ARGS_MAX = 65_536;
const INLINE_MAX_BYTES = 64 * 1024;
/** Digits of a length, and its sign. */
const LENGTH_TEXT_MAX = 10;

export type Reading =
  | { readonly type: 'request'; readonly args: readonly string[] }
  | { readonly type: 'incomplete' }
  /** The bytes are no RESP; nothing after them can be understood. */
  | { readonly type: 'broken'; readonly reason: string };

const INCOMPLETE: Reading = { type: 'incomplete' };

export class RespReader {
  #held = '';
  #at = 0;

  /** Bytes of requests that are not whole yet. */
  get heldBytes(): number {
    return this.#held.length - this.#at;
  }

  /** Adds bytes as latin1 text. */
  add(bytes: string): void {
    this.#held = this.#at === this.#held.length ? bytes : this.#held.slice(this.#at) + bytes;
    this.#at = 0;
  }

  /** Returns the next whole request. Empty requests (blank lines, empty arrays) are skipped, as Redis does. */
  next(): Reading {
    for (;;) {
      if (this.#at >= this.#held.length) return INCOMPLETE;
      const reading = this.#held.charCodeAt(this.#at) === STAR ? this.#readArray() : this.#readInline();
      if (reading.type !== 'request' || reading.args.length > 0) return reading;
    }
  }

  #readInline(): Reading {
    const end = this.#held.indexOf('\n', this.#at);
    if (end < 0) {
      return this.#held.length - this.#at > INLINE_MAX_BYTES ? broken('too big inline request') : INCOMPLETE;
    }
    if (end - this.#at > INLINE_MAX_BYTES) return broken('too big inline request');
    const args = this.#held.slice(this.#at, end).trim().split(/\s+/);
    this.#at = end + 1;
    return { type: 'request', args: args[0] === '' ? [] : args };
  }

  #readArray(): Reading {
    const held = this.#held;
    const count = readLength(held, this.#at + 1);
    if (count === undefined) return INCOMPLETE;
    if (Number.isNaN(count.value) || count.value > REQUEST_ARGS_MAX)
      return broken('invalid multibulk length');
    let at = count.end;
    const args: string[] = [];
    for (let index = 0; index < count.value; index++) {
      if (at >= held.length) return this.#incomplete();
      if (held.charCodeAt(at) !== DOLLAR) {
        return broken(`expected '$', got '${held.charAt(at)}'`);
      }
      const length = readLength(held, at + 1);
      if (length === undefined) return this.#incomplete();
      if (!(length.value >= 0) || length.value > REQUEST_MAX_BYTES) return broken('invalid bulk length');
      const end = length.end + length.value;
      if (end - this.#at > REQUEST_MAX_BYTES) return broken('too big request');
      if (held.length < end + 2) return this.#incomplete();
      if (held.charCodeAt(end) !== CARRIAGE_RETURN || held.charCodeAt(end + 1) !== LINE_FEED) {
        return broken('a bulk string does not end where its length says');
      }
      args.push(held.slice(length.end, end));
      at = end + 2;
    }
    this.#at = at;
    return { type: 'request', args };
  }

  #incomplete(): Reading {
    return this.#held.length - this.#at > REQUEST_MAX_BYTES ? broken('too big request') : INCOMPLETE;
  }
}

const STAR = 42;
const DOLLAR = 36;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

/** Returns the integer up to the line end; `undefined` while the line is not there yet, NaN when it is no integer. */
function readLength(
  text: string,
  from: number,
): { readonly value: number; readonly end: number } | undefined {
  const end = text.indexOf('\r\n', from);
  if (end < 0) return text.length - from > LENGTH_TEXT_MAX ? { value: NaN, end: from } : undefined;
  const digits = end - from <= LENGTH_TEXT_MAX ? text.slice(from, end) : '';
  return { value: /^-?\d+$/.test(digits) ? Number(digits) : NaN, end: end + 2 };
}

function broken(reason: string): Reading {
  return { type: 'broken', reason };
}
