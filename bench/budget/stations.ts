/** Shares out what a profile found (time or bytes) over the stations on the way of a frame. */

/** One place of a profile's call tree; `weight` is what was found in itself, without what it calls. */
export type ProfileNode = {
  readonly functionName: string;
  readonly url: string;
  readonly weight: number;
  readonly parent: ProfileNode | undefined;
};

const GARBAGE = 'garbage collection';
const RUNTIME = 'Node.js itself: sockets, timers, promises';

/** By the file nearest to what was found, callers after callees; the first pattern that fits. */
const STATIONS: readonly (readonly [RegExp, string])[] = [
  [/node_modules\/(ws|utf-8-validate|bufferutil)\//, 'socket: frames of the WebSocket'],
  [/node_modules\/(pg|pg-[^/]*|postgres-[^/]*)\//, 'Postgres client'],
  [/node_modules\/(ioredis|redis-[^/]*|@ioredis\/[^/]*)\//, 'Redis client'],
  [/node_modules\/nact\//, 'actors: mailboxes and dispatch'],
  [/src\/actors\/kernel\//, 'actors: mailboxes and dispatch'],
  [/src\/(exchanges\/(kraken-checksum|level-sums)|market\/(crc32|checksum-input))/, 'checksum'],
  [/src\/exchanges\//, 'frame text to events, continuity'],
  [/src\/market\/(order-book|book-side|level-block|wide-levels)/, 'book'],
  [/src\/market\/(candle|ticker|window|packed|trade-order|intervals)/, 'candles and ticker'],
  [/src\/market\/grouping/, 'books: grouping and text'],
  [/src\/market\//, 'decide and fold'],
  [/src\/actors\/(symbol-publications|publish-schedule)/, 'publications: what is due'],
  [/src\/publishing\/(redis-documents|level-text|value-head|channels|keys)/, 'books: grouping and text'],
  [/src\/publishing\//, 'publications: to Redis'],
  [
    /src\/actors\/derived-rows|src\/persistence\/(market-tables|trade-sums|write-room)/,
    'rows of trades and candles',
  ],
  [/src\/actors\//, 'connection and symbol actors'],
  [/src\/codec\/|src\/persistence\/stored-bytes/, 'journal: entries to bytes'],
  [/src\/persistence\//, 'journal: groups and commits'],
];

/** Returns the weight by station, the heaviest first. Time in which nothing ran is left out. */
export function shareOut(nodes: readonly ProfileNode[]): Map<string, number> {
  const shares = new Map<string, number>();
  for (const node of nodes) {
    if (node.weight === 0 || node.functionName === '(idle)') continue;
    const station = stationOf(node);
    shares.set(station, (shares.get(station) ?? 0) + node.weight);
  }
  return new Map([...shares].sort(([, a], [, b]) => b - a));
}

function stationOf(node: ProfileNode): string {
  if (node.functionName === '(garbage collector)') return GARBAGE;
  for (let at: ProfileNode | undefined = node; at !== undefined; at = at.parent) {
    const { url } = at;
    const found = STATIONS.find(([pattern]) => pattern.test(url));
    if (found !== undefined) return found[1];
  }
  return RUNTIME;
}
