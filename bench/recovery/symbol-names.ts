/** Returns the exchange's name of the symbol `index` and the unified one. */
export function symbolNames(index: number): { native: string; unified: string } {
  const base = `S${String(index).padStart(4, '0')}`;
  return { native: `${base}USDT`, unified: `${base}-USDT` };
}
