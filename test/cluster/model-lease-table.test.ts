import { FakeClock } from '../support/fake-clock.ts';
import { leaseTableSuite } from '../suites/lease-table-suite.ts';
import { ModelLeaseTable } from './model-lease-table.ts';

leaseTableSuite(() => {
  const table = new ModelLeaseTable(new FakeClock());
  return Promise.resolve({
    table,
    age: (byMs) => {
      for (const row of table.rows.values()) row.renewedAtMs -= byMs;
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});
