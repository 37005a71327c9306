import type { Guard } from '../guard.ts';

const watch = 'test/actors/stale-watch.test.ts';
const publisher = 'test/publishing/embedded-publisher.test.ts';

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
    text: 'return `the instrument is parked${cause}`;',
    without: 'return undefined;',
    tests: [{ file: watch, name: 'a parked instrument is stale with the cause' }],
  },
  {
    holds: 8,
    name: 'A recovered book is not live before its feed has spoken, in any life',
    file: 'src/actors/symbol.ts',
    text: "this.#isUnsureAfterRecovery = state.bookStatus.status === 'live';",
    without: "this.#isUnsureAfterRecovery = !this.#hasLived && state.bookStatus.status === 'live';",
    tests: [{ file: watch, name: 'unparked, its old book is not live for a moment' }],
  },
  {
    holds: 8,
    name: 'A mark needs no lease',
    file: 'src/publishing/redis-publisher.ts',
    text: 'if (!this.#backlog.hasMarks) await this.#untilHeld();',
    without: 'await this.#untilHeld();',
    tests: [{ file: publisher, name: 'are said while the lease is not held' }],
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
    text: 'if (epoch === undefined || epoch > Number(args[2 * index + 2])) continue;',
    without: 'if (epoch === undefined) continue;',
    tests: [{ file: publisher, name: 'leave alone what a newer epoch wrote' }],
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
