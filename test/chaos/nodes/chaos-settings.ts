/** How nodes are set up that are to be destroyed, on whatever surroundings: short periods, and books as deep as they are compared. */

export const SCHEMA = 'tampines';
export const STEPS_PER_SECOND = 12;

export const CHAOS_SETTINGS = [
  `postgres.schema=${SCHEMA}`,
  'admin.port=0',
  'log.format=json',
  'candles.intervals=1s,1m',
  'candles.outOfOrdernessMs=500',
  'candles.allowedLatenessMs=3600000',
  'checkpoint.everyMs=3000',
  'checkpoint.everyEntries=2000',
  'publish.bookDepth=10',
  'publish.bookResolutions=1,10',
  'publish.tickerIntervalMs=500',
  'publish.candleIntervalMs=500',
  'feed.heartbeatMs=500',
  'supervision.restartInitialMs=100',
  'supervision.restartMaxMs=1000',
  'supervision.maxRestarts=1000',
];
