/**
 * What is looked at in JSON text before `JSON.parse` sees it. Bare numbers become strings, for the parser would pass them through a binary float
 * and lose trailing zeros (`0.10`), large ids (beyond 2^53) and the exact value of decimals. Deep nesting is found, for the parser follows it
 * wherever it leads: 50 MB of brackets hold the event loop for ten seconds and take a gigabyte.
 */

/** No exchange nests deeper than eight. */
const DEPTH_MAX = 32;
/** What is shorter is parsed within milliseconds, however deep, and most frames are. */
const SHALLOW_ENOUGH_CHARACTERS = 16_384;

/** Whether the text opens more brackets inside one another than any answer of an exchange does; ends at the first one too many. */
export function isTooDeep(text: string): boolean {
  const length = text.length;
  if (length <= SHALLOW_ENOUGH_CHARACTERS) return false;
  let depth = 0;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index) - 1;
    } else if (code === OPENING_BRACKET || code === OPENING_BRACE) {
      depth++;
      if (depth > DEPTH_MAX) return true;
    } else if (code === CLOSING_BRACKET || code === CLOSING_BRACE) {
      depth--;
    }
  }
  return false;
}

/**
 * Returns the JSON text with every bare number value quoted, its digits untouched; strings, keys and everything else stay as they are.
 * The result parses exactly when `text` does. What is no JSON number (`01`, `1.`, `-`, a number as a key) is left alone, so that
 * `JSON.parse` refuses it as it would have. One pass, O(length).
 */
export function quoteNumbers(text: string): string {
  const length = text.length;
  let quoted = '';
  let copiedTo = 0;
  let index = 0;
  while (index < length) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(text, index);
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, index);
      if (end !== -1 && endsValue(text, end)) {
        quoted += `${text.slice(copiedTo, index)}"${text.slice(index, end)}"`;
        copiedTo = end;
        index = end;
      } else {
        // Not a number after all: the text is no JSON, and stays none.
        return text;
      }
    } else {
      index++;
    }
  }
  return copiedTo === 0 ? text : quoted + text.slice(copiedTo);
}

const QUOTE = 34;
const BACKSLASH = 92;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const UPPER_E = 69;
const LOWER_E = 101;
const COMMA = 44;
const OPENING_BRACKET = 91;
const OPENING_BRACE = 123;
const CLOSING_BRACKET = 93;
const CLOSING_BRACE = 125;

/** Index after the string that starts at `start`: the next quote with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slash = end - 1;
    while (slash > start && text.charCodeAt(slash) === BACKSLASH) slash--;
    if ((end - 1 - slash) % 2 === 0) return end + 1;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** Index after the JSON number that starts at `start`, or -1 when there is none. */
function endOfNumber(text: string, start: number): number {
  let index = text.charCodeAt(start) === MINUS ? start + 1 : start;
  const whole = index;
  index = endOfDigits(text, index);
  if (index === whole || (text.charCodeAt(whole) === ZERO && index > whole + 1)) return -1;
  if (text.charCodeAt(index) === POINT) {
    const fraction = index + 1;
    index = endOfDigits(text, fraction);
    if (index === fraction) return -1;
  }
  const exponent = text.charCodeAt(index);
  if (exponent === LOWER_E || exponent === UPPER_E) {
    const sign = text.charCodeAt(index + 1);
    const digits = sign === PLUS || sign === MINUS ? index + 2 : index + 1;
    index = endOfDigits(text, digits);
    if (index === digits) return -1;
  }
  return index;
}

function endOfDigits(text: string, start: number): number {
  let index = start;
  for (;;) {
    const code = text.charCodeAt(index);
    // NaN past the end of the text fails both comparisons.
    if (!(code >= ZERO && code <= NINE)) return index;
    index++;
  }
}

/** Whether a value may end at `index`: only white space stands between it and `,`, `]`, `}` or the end of the text. */
function endsValue(text: string, index: number): boolean {
  for (; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === COMMA || code === CLOSING_BRACKET || code === CLOSING_BRACE) return true;
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return false;
  }
  return true;
}
