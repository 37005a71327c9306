/**
 * `npm run crash-points:ingest [-- --each N]`: lets every call that nodes which feed the log make to Kafka and to the table of leases meet every fate it
 * may have, one a run. `--each N`: of the calls of one name N, spread over the run.
 */
import { runTrials } from '../run-trials.ts';
import { runIngest } from './ingest-run.ts';

const failedCount = await runTrials(
  runIngest,
  ({ recordCount, tradeCount }) => `${recordCount} records, ${tradeCount} trades`,
);
process.exit(failedCount > 0 ? 1 : 0);
