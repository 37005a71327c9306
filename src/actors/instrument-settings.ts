/** Names and comparison of what may be otherwise for one instrument. */
import type { InstrumentSettings } from './ports.ts';

export const INSTRUMENT_SETTINGS = [
  'bookIntervalMs',
  'tickerIntervalMs',
  'candleIntervalMs',
  'bookDepth',
] as const satisfies readonly (keyof InstrumentSettings)[];

export function hasSameSettings(a: InstrumentSettings = {}, b: InstrumentSettings = {}): boolean {
  return INSTRUMENT_SETTINGS.every((name) => a[name] === b[name]);
}
