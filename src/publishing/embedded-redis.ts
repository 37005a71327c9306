/** Starts and stops the embedded Redis server in its thread. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { TampinesError } from '../base/errors.ts';
import type { EmbeddedRedisAnswer, EmbeddedRedisInput } from './embedded-redis-worker.ts';

export type EmbeddedRedis = { readonly port: number; close(): Promise<void> };

/** @throws TampinesError `SERVICE_UNAVAILABLE` when the port is taken */
export async function startEmbeddedRedis(port: number): Promise<EmbeddedRedis> {
  const worker = createWorker({ port });
  const exited = once(worker, 'exit');
  const answer = await Promise.race([nextAnswer(worker), exited.then(() => undefined)]);
  if (answer?.type !== 'listening') {
    await worker.terminate();
    throw new TampinesError(
      'SERVICE_UNAVAILABLE',
      `Cannot start the embedded Redis server on 127.0.0.1:${port}: ${answer?.type === 'failed' ? answer.message : 'its thread ended'}`,
      { fields: { port } },
    );
  }
  return {
    port: answer.port,
    close: async () => {
      worker.postMessage('stop');
      await exited;
    },
  };
}

async function nextAnswer(worker: Worker): Promise<EmbeddedRedisAnswer> {
  const [answer] = (await once(worker, 'message')) as [EmbeddedRedisAnswer];
  return answer;
}

/** Compiled code runs as it is; from source (tests, benchmarks) the thread first needs the loader for TypeScript. */
function createWorker(workerData: EmbeddedRedisInput): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./embedded-redis-worker.js', import.meta.url), { workerData });
  }
  const source = new URL('./embedded-redis-worker.ts', import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  return new Worker(
    `import(${JSON.stringify(tsx)}).then(({ tsImport }) => tsImport(${JSON.stringify(source)}, ${JSON.stringify(source)}))`,
    { workerData, eval: true },
  );
}
