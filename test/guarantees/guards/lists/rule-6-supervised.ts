import type { Guard } from '../guard.ts';

/** Every failure is supervised: cause, path, decision, delay and attempt. */
export const supervised: readonly Guard[] = [
  {
    holds: 6,
    name: 'Each supervision event is one log line',
    file: 'src/actors/kernel/reports.ts',
    text: '      this.#targets.log[level](event, `Actor ${kind}`);',
    without: '      void level;',
    tests: [
      {
        file: 'test/actors/kernel/supervision.test.ts',
        name: 'each supervision event is one structured log line',
      },
    ],
  },
  {
    holds: 6,
    name: 'Each supervision event is recorded',
    file: 'src/actors/kernel/reports.ts',
    text: '    this.#guarded(() => this.#targets.onSupervisionEvent(event));\n',
    without: '',
    tests: [
      {
        file: 'test/actors/kernel/supervision.test.ts',
        name: 'a failed actor begins again with a new state',
      },
    ],
  },
  {
    holds: 6,
    name: 'A restart tells its cause',
    file: 'src/actors/kernel/actor-cell.ts',
    text: 'this.failures.announceRestart(cause, { errorClass, attempt, delayMs });',
    without: "this.failures.announceRestart('', { errorClass, attempt, delayMs });",
    tests: [
      {
        file: 'test/actors/kernel/supervision.test.ts',
        name: 'each supervision event is one structured log line',
      },
    ],
  },
  {
    holds: 6,
    name: 'An actor that gives up is parked with its cause',
    file: 'src/actors/kernel/supervisor.ts',
    text: "this.#environment.reports.event(cell.path, 'parked', { ...facts, decision: 'park' });",
    without:
      "this.#environment.reports.event(cell.path, 'parked', { ...facts, cause: '', decision: 'park' });",
    tests: [
      {
        file: 'test/actors/kernel/supervision.test.ts',
        name: 'a parked actor stays in the tree with its cause',
      },
    ],
  },
  {
    holds: 6,
    name: 'Failures beyond the limit end the restarts',
    file: 'src/supervision/decision.ts',
    text: 'return countWithin(counted, strategy.withinMs, nowMs) > strategy.maxFailures;',
    without: 'return false;',
    tests: [
      {
        file: 'test/supervision/decision.test.ts',
        name: 'it gives up exactly when a count of all failures in the window says so',
      },
    ],
  },
  {
    holds: 6,
    name: 'Restarts wait longer with each failure',
    file: 'src/base/backoff.ts',
    text: 'initialMs * factor ** attemptIndex',
    without: 'initialMs',
    tests: [
      {
        file: 'test/supervision/decision.test.ts',
        name: 'the example of its docstring: delays double up to the longest',
      },
      { file: 'test/actors/kernel/supervision.test.ts', name: 'delays grow with each failure in a row' },
      { file: 'test/base/backoff.test.ts', name: 'doubles from the initial delay to the largest one' },
    ],
  },
  {
    holds: 6,
    name: 'A handler that never settles is cut off',
    file: 'src/actors/kernel/actor-cell.ts',
    text: 'if (ageMs > this.spec.handlerMaxMs) void',
    without: 'if (ageMs < 0) void',
    tests: [
      { file: 'test/actors/kernel/supervision.test.ts', name: 'a handler that takes too long is cut off' },
    ],
  },
  {
    holds: 6,
    name: 'What a life does after it was cut off counts for nothing',
    file: 'src/actors/kernel/life.ts',
    text: '!this.#isOver && host.send(',
    without: 'host.send(',
    tests: [
      { file: 'test/actors/kernel/supervision.test.ts', name: 'what it still does counts for nothing' },
    ],
  },
  {
    holds: 6,
    name: 'Only so many actors recover at once',
    file: 'src/actors/kernel/persistence-bridge.ts',
    text: 'const leave = await this.#gate.enter();',
    without: 'const leave = (): void => undefined;',
    tests: [
      {
        file: 'test/actors/kernel/persistent-actor.test.ts',
        name: 'of many actors only so many recover at once',
      },
    ],
  },
];
