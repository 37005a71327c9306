/** The instruments that the settings name are to be wanted, again and again while their exchange does not answer. */
import type { Instruments } from './actors/instruments.ts';
import type { TimerHandle } from './base/clock.ts';
import { TampinesError } from './base/errors.ts';
import type { CoreParts } from './build-core.ts';
import { splitInstrumentKey } from './market/symbols.ts';

const WANTED_RETRY_MS = 5_000;
/** Wanted instruments that are started at the same time: an exchange's list and the database are asked for each. */
const WANTED_AT_ONCE = 16;

/** Spawns the instruments of the settings that do not run yet, again and again while their exchange does not answer. */
export function keepWanted(
  { settings, surroundings, closers }: Pick<CoreParts, 'settings' | 'surroundings' | 'closers'>,
  instruments: Instruments,
): void {
  const { log, timers } = surroundings;
  let isOver = false;
  const retries = new Set<TimerHandle>();
  closers.add('wanted instruments', () => {
    isOver = true;
    for (const retry of retries) retry.cancel();
    return Promise.resolve();
  });
  const want = async (name: string): Promise<void> => {
    const [exchange, symbol] = splitInstrumentKey(name);
    try {
      await instruments.spawn(exchange, symbol);
    } catch (error) {
      if (isOver) return;
      const code = error instanceof TampinesError ? error.code : undefined;
      if (code === 'INSTRUMENT_EXISTS') return;
      if (code === 'UNKNOWN_EXCHANGE' || code === 'UNKNOWN_SYMBOL') {
        log.error(
          { instrument: name, cause: (error as TampinesError).message },
          'a wanted instrument can not be started',
        );
        return;
      }
      log.warn({ instrument: name, err: error }, 'a wanted instrument could not be started yet');
      const retry = timers.after(WANTED_RETRY_MS, () => {
        retries.delete(retry);
        void want(name);
      });
      retries.add(retry);
    }
  };
  const missing = settings.instruments.filter(
    (name) => !instruments.has(name as Parameters<Instruments['has']>[0]),
  );
  const spawnNext = async (): Promise<void> => {
    for (let name = missing.shift(); name !== undefined && !isOver; name = missing.shift()) await want(name);
  };
  for (let count = 0; count < WANTED_AT_ONCE; count++) void spawnNext();
}
