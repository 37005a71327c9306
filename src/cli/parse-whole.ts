import { InvalidArgumentError } from 'commander';

/** Reads a whole number of an option. @throws InvalidArgumentError */
export function parseWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('wants a whole number.');
  return Number.parseInt(text, 10);
}
