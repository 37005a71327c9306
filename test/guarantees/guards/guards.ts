/** All guards, by the promise they hold. A guard that moved or changed its words must be followed here: `npm run test:guards` says which. */
import type { Guard } from './guard.ts';
import { accessFromOutside } from './lists/access.ts';
import { badInput } from './lists/rule-7-bad-input.ts';
import { boundedQueues } from './lists/rule-5-bounded-queues.ts';
import { connections } from './lists/connections.ts';
import { durableFirst } from './lists/rule-2-durable-first.ts';
import { exactDecimals } from './lists/rule-3-exact-decimals.ts';
import { oneWriter } from './lists/rule-4-one-writer.ts';
import { outputs } from './lists/outputs.ts';
import { redundantFeeds } from './lists/redundant-feeds.ts';
import { sharedLog } from './lists/shared-log.ts';
import { silentInstruments } from './lists/silent-instruments.ts';
import { stateOfTheLog } from './lists/rule-1-state-of-the-log.ts';
import { storedBytes } from './lists/stored-bytes.ts';
import { supervised } from './lists/rule-6-supervised.ts';
import { sureBooks } from './lists/rule-8-sure-books.ts';
import { wholeTrades } from './lists/whole-trades.ts';

export const guards: readonly Guard[] = [
  ...stateOfTheLog,
  ...durableFirst,
  ...exactDecimals,
  ...oneWriter,
  ...boundedQueues,
  ...supervised,
  ...badInput,
  ...sureBooks,
  ...silentInstruments,
  ...wholeTrades,
  ...sharedLog,
  ...redundantFeeds,
  ...outputs,
  ...connections,
  ...storedBytes,
  ...accessFromOutside,
];
