import { describeMarketTables } from '../suites/market-tables-suite.ts';
import { describeOperatorTables } from '../suites/operator-tables-suite.ts';
import {
  openMarketTablesStore,
  openOperatorTablesStore,
  openEmbeddedDatabase,
} from '../support/postgres-store.ts';

describeMarketTables('on embedded Postgres', () => openMarketTablesStore(openEmbeddedDatabase));

describeOperatorTables('on embedded Postgres', () => openOperatorTablesStore(openEmbeddedDatabase));
