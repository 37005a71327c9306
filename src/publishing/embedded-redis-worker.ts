/** The worker thread that runs the embedded Redis server, so that subscribers never cost the main loop. */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock, systemTimers } from '../base/clock.ts';
import { startRespServer } from './resp-server.ts';

export type EmbeddedRedisInput = { readonly port: number };
export type EmbeddedRedisAnswer =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'stopped' };

const parent = parentPort!;
const answer = (message: EmbeddedRedisAnswer): void => parent.postMessage(message);

try {
  const { port } = workerData as EmbeddedRedisInput;
  const server = await startRespServer({ port, clock: systemClock, timers: systemTimers });
  parent.once('message', () => {
    void server.close().then(() => {
      answer({ type: 'stopped' });
      parent.close();
    });
  });
  answer({ type: 'listening', port: server.port });
} catch (error) {
  answer({ type: 'failed', message: String(error) });
}
