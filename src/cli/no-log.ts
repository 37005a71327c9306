import type { Log } from '../base/log.ts';

const silent = (): void => undefined;

/** Of commands that say themselves what there is to say: what is wrong comes out of clients as a failure. */
export const NO_LOG: Log = { debug: silent, info: silent, warn: silent, error: silent };
