/** The real Postgres and Redis that some tests of guards need, as `npm test` starts them. */
import { startPostgres } from '../../../scripts/services/postgres.mjs';
import { startRedis } from '../../../scripts/services/redis.mjs';

const SERVICES = [
  { variable: 'TEST_DATABASE_URL', start: startPostgres },
  { variable: 'TEST_REDIS_URL', start: startRedis },
];

/** Starts what the environment does not name already. */
export async function startServices(): Promise<{
  environment: NodeJS.ProcessEnv;
  stop: () => Promise<void>;
}> {
  const environment: NodeJS.ProcessEnv = {};
  const started: { stop(): Promise<unknown> }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.allSettled(started.map((server) => server.stop()));
  };
  try {
    for (const { variable, start } of SERVICES) {
      if ((process.env[variable] ?? '') !== '') continue;
      const server = await start();
      started.push(server);
      environment[variable] = server.url;
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { environment, stop };
}
