import type { Scales, Units } from './units.ts';

/** A book as checksum rules read it: level 0 is the best of its side. */
export interface ChecksumInput {
  readonly scales: Scales;
  readonly bidCount: number;
  readonly askCount: number;
  bidPrice(index: number): Units;
  bidQuantity(index: number): Units;
  askPrice(index: number): Units;
  askQuantity(index: number): Units;
}
