/**
 * `npm run crash-points:cluster -- [--each N]` with TEST_DATABASE_URL: lets every call that nodes make to Postgres and Kafka meet every
 * fate it may have, one a run. `--each N`: of the calls of one name N, spread over the run.
 */
import { runTrials } from '../run-trials.ts';
import { RealPostgres } from './real-postgres.ts';
import { PARTITIONS, runShards } from './shard-run.ts';

const url = process.env['TEST_DATABASE_URL'];
if (url === undefined)
  throw new Error('TEST_DATABASE_URL is not set: crash points of a cluster need a Postgres');
const postgres = await RealPostgres.open(url, `crash_points_${process.pid}`, PARTITIONS);
let failedCount = 0;
try {
  failedCount = await runTrials(
    (trial) => runShards(postgres, trial),
    ({ recordCount }) => `${recordCount} records`,
  );
} finally {
  await postgres.close();
}
process.exit(failedCount > 0 ? 1 : 0);
