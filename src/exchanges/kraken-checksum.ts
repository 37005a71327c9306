import type { ChecksumInput } from '../market/checksum-input.ts';
import { ChecksumText } from './checksum-text.ts';

/** Levels per side that the sum covers, whatever the depth subscribed to. */
const CHECKSUM_LEVELS = 10;

const text = new ChecksumText();

/**
 * Returns Kraken's checksum of a book (v1 and v2 alike), unsigned. The rule (docs.kraken.com, book checksum guides, read 2026-11):
 * 1. Take the 10 best asks, best first, then the 10 best bids, best first; fewer where there are fewer.
 * 2. Of each level write price, then quantity, as text exactly as sent, without the point and without leading zeros.
 * 3. CRC-32 of all of it, joined without separators.
 *
 * Step 2 is the plain digits of the units, because the book's scales are the decimals that Kraken writes (trailing zeros counted).
 */
export function krakenChecksum(book: ChecksumInput): number {
  text.clear();
  for (let level = Math.min(CHECKSUM_LEVELS, book.bidCount) - 1; level >= 0; level--) {
    text.prependDigits(book.bidQuantity(level));
    text.prependDigits(book.bidPrice(level));
  }
  for (let level = Math.min(CHECKSUM_LEVELS, book.askCount) - 1; level >= 0; level--) {
    text.prependDigits(book.askQuantity(level));
    text.prependDigits(book.askPrice(level));
  }
  return text.crc32();
}
