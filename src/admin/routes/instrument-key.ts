import type { z } from 'zod';
import type { InstrumentKey } from '../../market/symbols.ts';
import { toExchangeId, toInstrumentKey, toUnifiedSymbol } from '../../market/symbols.ts';
import type { instrumentParams } from '../request-schemas.ts';

/** Returns the key of the instrument that a route names. */
export function toKey(params: z.output<typeof instrumentParams>): InstrumentKey {
  return toInstrumentKey(toExchangeId(params.exchange), toUnifiedSymbol(params.symbol));
}
