import { MemoryInstrumentCatalog } from '../../src/persistence/memory-instrument-catalog.ts';
import { MemoryMarketTables } from '../../src/persistence/memory-market-tables.ts';
import { MemoryOperationsRecords } from '../../src/persistence/memory-operations-records.ts';
import { describeMarketTables } from '../suites/market-tables-suite.ts';
import { describeOperatorTables } from '../suites/operator-tables-suite.ts';

const close = (): Promise<void> => Promise.resolve();

describeMarketTables('in memory', () => Promise.resolve({ tables: new MemoryMarketTables(), close }));

describeOperatorTables('in memory', () =>
  Promise.resolve({
    catalog: new MemoryInstrumentCatalog(),
    records: new MemoryOperationsRecords(),
    close,
  }),
);
