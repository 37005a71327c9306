import { expect, it } from 'vitest';
import { shortChange } from '../../src/cli/market-table.ts';

it.each([
  ['-0.0009123456', '-0.0009'],
  ['12.3456789', '12.3456'],
  ['-0.0000054', '0'],
  ['0', '0'],
  ['-', '-'],
])('a change of %s %% is shown as %s', (changePercent, shown) => {
  expect(shortChange(changePercent)).toBe(shown);
});
