import { defineConfig } from 'vitest/config';

/** Whole nodes on one Redis: two that follow the same instruments at once would be two owners of the same keys. */
const NODES =
  'test/guarantees/{node,stream,frozen-node,missed-trades,slow-postgres,storage-away}.int.test.ts';

/** A project of its own, for it is left out where no broker can be had. */
const KAFKA = 'test/kafka/**/*.int.test.ts';

/** Left out where there is no browser. */
const BROWSER = 'test/dashboard/**/*.int.test.ts';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.int.test.ts', 'test/**/*.live.test.ts'],
          testTimeout: 60_000,
          pool: 'threads',
        },
      },
      {
        test: {
          name: 'services',
          include: ['test/**/*.int.test.ts'],
          exclude: [NODES, KAFKA, BROWSER],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          pool: 'forks',
          // After the quick tests: a group of its own may have its own number of workers.
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'nodes',
          include: [NODES],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          pool: 'forks',
          sequence: { groupOrder: 2 },
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'kafka',
          include: [KAFKA],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          pool: 'forks',
          sequence: { groupOrder: 3 },
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'browser',
          include: [BROWSER],
          globalSetup: 'test/dashboard/build.ts',
          testTimeout: 180_000,
          hookTimeout: 120_000,
          pool: 'forks',
          sequence: { groupOrder: 4 },
          maxWorkers: 1,
        },
      },
    ],
  },
});
