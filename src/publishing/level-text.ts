/**
 * Levels as JSON text. A book is published many times a second and is mostly numbers: all of it is written into one buffer, which becomes one flat
 * string at the end.
 */
import { BackwardText, NUMBER_MAX_BYTES } from '../market/backward-text.ts';
import type { Levels } from '../market/events.ts';
import type { Scales } from '../market/units.ts';

/** Two numbers in quotes, brackets and commas. */
const LEVEL_MAX_BYTES = 2 * NUMBER_MAX_BYTES + 8;
const QUOTE = 34;
const COMMA = 44;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;

const text = new BackwardText();

/** Returns flat levels as `[["price","quantity"],…]`, the same decimal text as `formatUnits` gives. */
export function formatLevels(levels: Levels, scales: Scales): string {
  text.reserve((levels.length / 2) * LEVEL_MAX_BYTES + 2);
  text.prependCode(CLOSING_BRACKET);
  for (let index = levels.length - 2; index >= 0; index -= 2) {
    text.prependCode(CLOSING_BRACKET);
    text.prependCode(QUOTE);
    text.prependDecimal(levels[index + 1]!, scales.quantity);
    text.prependCode(QUOTE);
    text.prependCode(COMMA);
    text.prependCode(QUOTE);
    text.prependDecimal(levels[index]!, scales.price);
    text.prependCode(QUOTE);
    text.prependCode(OPENING_BRACKET);
    if (index > 0) text.prependCode(COMMA);
  }
  text.prependCode(OPENING_BRACKET);
  const { bytes } = text;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
