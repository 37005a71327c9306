import type { ChecksumInput } from '../market/checksum-input.ts';
import { CRC32_START, finishCrc32 } from '../market/crc32.ts';
import { LevelSums } from './level-sums.ts';

/** Levels per side that the sum covers, whatever the depth subscribed to. */
const CHECKSUM_LEVELS = 10;

const sums = new LevelSums((text, price, quantity) => {
  text.prependDigits(quantity);
  text.prependDigits(price);
});

/**
 * Returns Kraken's checksum of a book (v1 and v2 alike), unsigned. The rule (docs.kraken.com, book checksum guides, read 2026-11):
 * 1. Take the 10 best asks, best first, then the 10 best bids, best first; fewer where there are fewer.
 * 2. Of each level write price, then quantity, as text exactly as sent, without the point and without leading zeros.
 * 3. CRC-32 of all of it, joined without separators.
 *
 * Step 2 is the plain digits of the units, because the book's scales are the decimals that Kraken writes (trailing zeros counted).
 */
export function krakenChecksum(book: ChecksumInput): number {
  const { scales } = book;
  let sum = CRC32_START;
  const asks = Math.min(CHECKSUM_LEVELS, book.askCount);
  for (let level = 0; level < asks; level++) {
    sum = sums.extend(sum, book.askPrice(level), book.askQuantity(level), scales);
  }
  const bids = Math.min(CHECKSUM_LEVELS, book.bidCount);
  for (let level = 0; level < bids; level++) {
    sum = sums.extend(sum, book.bidPrice(level), book.bidQuantity(level), scales);
  }
  return finishCrc32(sum);
}
