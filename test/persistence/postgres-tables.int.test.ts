import { describeMarketTables } from '../suites/market-tables-suite.ts';
import { describeOperatorTables } from '../suites/operator-tables-suite.ts';
import {
  openMarketTablesStore,
  openOperatorTablesStore,
  openRealDatabase,
} from '../support/postgres-store.ts';

describeMarketTables('on Postgres', () => openMarketTablesStore(openRealDatabase));

describeOperatorTables('on Postgres', () => openOperatorTablesStore(openRealDatabase));
