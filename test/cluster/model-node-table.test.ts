import { FakeClock } from '../support/fake-clock.ts';
import { nodeTableSuite } from '../suites/node-table-suite.ts';
import { ModelNodeTable } from './model-node-table.ts';

nodeTableSuite(() => {
  const table = new ModelNodeTable(new FakeClock());
  return Promise.resolve({
    table,
    age: (name, byMs) => {
      table.rows.get(name)!.seenAtMs -= byMs;
      return Promise.resolve();
    },
    readReport: (name) =>
      Promise.resolve(JSON.parse(JSON.stringify(table.rows.get(name)!.report)) as unknown),
    close: () => Promise.resolve(),
  });
});
