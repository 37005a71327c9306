import type { Guard } from '../guard.ts';

const watch = 'test/actors/stale-watch.test.ts';
const publisher = 'test/publishing/embedded-publisher.test.ts';
const realPublisher = 'test/publishing/real-publisher.int.test.ts';
const node = 'test/build-node.test.ts';

/** What is said of instruments, and done about actors, that can't speak for themselves. */
export const silentInstruments: readonly Guard[] = [
  {
    holds: 8,
    name: 'A book whose instrument is held up is marked stale',
    file: 'src/actors/stale-watch.ts',
    text: '(node.handlerAgeMs ?? 0) > staleAfterMs',
    without: '(node.handlerAgeMs ?? 0) < -staleAfterMs',
    tests: [{ file: watch, name: 'a book whose append does not end is stale after the time allowed' }],
  },
  {
    holds: 8,
    name: 'A book whose instrument is parked is marked stale',
    file: 'src/actors/stale-watch.ts',
    text: 'return `the instrument is parked: ${node.whyParked}`;',
    without: 'return undefined;',
    tests: [{ file: watch, name: 'a parked instrument is stale with the cause' }],
  },
  {
    holds: 8,
    name: 'A recovered book is not live before its feed has spoken, in any life',
    file: 'src/actors/recovered-book.ts',
    text: "this.#isUnsure = state.bookStatus.status === 'live';",
    without: "this.#isUnsure = isFirstLife && state.bookStatus.status === 'live';",
    tests: [{ file: watch, name: 'unparked, its old book is not live for a moment' }],
  },
  {
    holds: 8,
    name: 'A mark needs no lease',
    file: 'src/publishing/redis-publisher.ts',
    text: 'if (!this.#backlog.hasMarks) await this.#lease.untilHeld();',
    without: 'await this.#lease.untilHeld();',
    tests: [{ file: publisher, name: 'are said while the lease is not held' }],
  },
  {
    holds: 8,
    name: 'A mark is good until the newer value has left',
    file: 'src/publishing/publisher-backlog.ts',
    text: 'this.#marks.get(mark.key) === mark || this.#latest.has(mark.key)',
    without: 'this.#marks.get(mark.key) === mark',
    tests: [
      {
        file: 'test/publishing/redis-publisher.test.ts',
        name: 'a book is marked though its instrument has a newer value',
      },
    ],
  },
  {
    holds: 8,
    name: 'Marks that are said again need no lease either',
    file: 'src/publishing/redis-publisher.ts',
    text: 'if (this.#backlog.hasMarks) this.#lease.end();',
    without: '',
    tests: [
      {
        file: 'test/publishing/redis-publisher.test.ts',
        name: 'a stopped instrument that comes back live with its Redis is marked also while the lease is lost',
      },
    ],
  },
  {
    holds: 8,
    name: 'A value that waits is marked too',
    file: 'src/publishing/publisher-backlog.ts',
    text: 'if (waiting !== undefined) this.#latest.set(mark.key, marked(waiting, mark));',
    without: 'if (waiting !== undefined) this.#latest.set(mark.key, waiting);',
    tests: [{ file: publisher, name: 'the value that waits says so too' }],
  },
  {
    holds: 4,
    name: 'A mark leaves alone what a newer owner wrote',
    file: 'src/publishing/embedded-scripts.ts',
    text: 'if (held === undefined || held.epoch > mark.epoch || !isMarkable(text)) return undefined;',
    without: 'if (held === undefined || !isMarkable(text)) return undefined;',
    tests: [{ file: publisher, name: 'leave alone what a newer epoch wrote' }],
  },
  {
    holds: 4,
    name: 'A mark takes over what an older owner left, so that what it still had under way comes too late',
    file: 'src/publishing/embedded-scripts.ts',
    text: 'const isOlder = held.epoch < mark.epoch;',
    without: 'const isOlder = false;',
    tests: [{ file: publisher, name: 'take over what an older epoch left behind' }],
  },
  {
    holds: 8,
    name: 'A key that Redis holds an older version of is found lost',
    file: 'src/publishing/scripts.ts',
    text: '  if newer > 0 then\n    lost',
    without: "  if newer > 0 and redis.call('EXISTS', KEYS[i]) == 0 then\n    lost",
    tests: [{ file: realPublisher, name: 'refreshing leaves what is older than was published to expire' }],
  },
  {
    holds: 8,
    name: 'The embedded Redis finds a key of an older version lost',
    file: 'src/publishing/embedded-scripts.ts',
    text: 'if (newer > 0) lost.push(index);',
    without: 'if (context.keys.get(key) === undefined) lost.push(index);',
    tests: [{ file: publisher, name: 'refreshing leaves what is older than was published to expire' }],
  },
  {
    holds: 8,
    name: 'Everything is published again after each new connection to Redis',
    file: 'src/publishing/redis-publisher.ts',
    text: '      this.#sayAllAgain();\n',
    without: '',
    tests: [
      { file: publisher, name: 'may come back to older values: all keys are lost then' },
      { file: publisher, name: 'gets the marks again that are in force' },
      { file: node, name: 'Redis comes back with an older book: it is published again' },
    ],
  },
  {
    holds: 8,
    name: 'Keys of a stopped instrument that come back expire again',
    file: 'src/publishing/redis-publisher.ts',
    text: '      this.#backlog.addExpiry(key);\n      this.#backlog.addMark(',
    without: '      void (',
    tests: [
      { file: publisher, name: 'lets the keys of an instrument expire again that was stopped before it' },
    ],
  },
  {
    holds: 8,
    name: 'What Redis may have lost includes marks',
    file: 'src/publishing/redis-publisher.ts',
    text: '    this.#backlog.repeatMarks();\n',
    without: '',
    tests: [
      { file: publisher, name: 'gets the marks again that are in force' },
      { file: publisher, name: 'keys that are found lost get the marks again' },
    ],
  },
  {
    holds: 8,
    name: 'A node of a Cluster that is replaced may have lost what it took',
    file: 'src/publishing/redis-publisher.ts',
    text: "for (const event of ['+node', '-node'] as const)",
    without: "for (const event of ['+node'] as const)",
    tests: [
      {
        file: 'test/publishing/redis-publisher.test.ts',
        name: 'a node of a Cluster may come back to older values (-node)',
      },
    ],
  },
  {
    holds: 8,
    name: 'A Redis that comes back while the lease is not held gets marks',
    file: 'src/build-core.ts',
    text: '      if (!lease.isHeld()) instruments.markStale(LEASE_LOST_REASON);\n',
    without: '',
    tests: [{ file: node, name: 'comes back with an older book while the lease is not held' }],
  },
  {
    holds: 8,
    name: 'A node that ends marks the books of instruments that had no last word',
    file: 'src/build-core.ts',
    text: "    instruments.markStale('the node was stopped');\n",
    without: '',
    tests: [{ file: node, name: 'also where its instrument had no last word' }],
  },
  {
    holds: 6,
    name: 'A recovery whose log gives nothing is cut off',
    file: 'src/actors/kernel/actor-cell.ts',
    text: 'const sinceMs = handlerStartedMs ?? recoveryProgressMs;',
    without: 'const sinceMs = recoveryProgressMs === undefined ? handlerStartedMs : undefined;',
    tests: [
      {
        file: 'test/actors/kernel/watchdog.test.ts',
        name: 'a log that gives nothing for longer than the limit is let go',
      },
    ],
  },
  {
    holds: 6,
    name: 'A storm of failures writes so many lines and counts the others',
    file: 'src/actors/kernel/line-limit.ts',
    text: 'if (window.lineCount < LINES_PER_WINDOW) {',
    without: 'if (window.lineCount >= 0) {',
    tests: [
      {
        file: 'test/actors/kernel/restart-storm.test.ts',
        name: 'of identical lines so many are written in a window, the others are counted',
      },
    ],
  },
];
