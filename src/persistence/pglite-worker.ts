/**
 * The worker thread that runs embedded Postgres (PGlite). It speaks the wire protocol over its message port: bytes of a client in,
 * bytes of the server out. PGlite runs a statement synchronously, so the thread keeps the main loop free of its 0.5 to 5 ms each.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

/** What the thread that starts this worker hands over. */
export type PgliteWorkerInput = { readonly directory: string };

/** `bytes` of the client; `reset` before a new client, so that the one session is clean for it; `stop` closes the database. */
export type PgliteWorkerRequest =
  | { readonly type: 'bytes'; readonly client: number; readonly bytes: Uint8Array }
  | { readonly type: 'reset' }
  | { readonly type: 'stop' };

export type PgliteWorkerAnswer =
  | { readonly type: 'ready' }
  | { readonly type: 'bytes'; readonly client: number; readonly bytes: Uint8Array }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly message: string };

/** Without these PGlite takes 128 MB of buffers and lets the write-ahead log grow to 1 GB between checkpoints. */
const START_PARAMETERS = ['-c', 'shared_buffers=16MB', '-c', 'max_wal_size=64MB', '-c', 'min_wal_size=32MB'];

const port = parentPort!;
const { directory } = workerData as PgliteWorkerInput;
const answer = (message: PgliteWorkerAnswer): void => port.postMessage(message);

try {
  const database = await PGlite.create({
    dataDir: directory,
    startParams: [...PGlite.defaultStartParams, ...START_PARAMETERS],
  });
  port.on('message', (request: PgliteWorkerRequest) => {
    void serve(database, request).catch((error: unknown) =>
      answer({ type: 'failed', message: String(error) }),
    );
  });
  answer({ type: 'ready' });
} catch (error) {
  answer({ type: 'failed', message: String(error) });
}

async function serve(database: PGlite, request: PgliteWorkerRequest): Promise<void> {
  switch (request.type) {
    case 'bytes':
      answer({
        type: 'bytes',
        client: request.client,
        bytes: database.execProtocolRawSync(request.bytes),
      });
      return;
    case 'reset':
      // All clients share one session: what the lost one left (an open transaction, prepared statements) must not reach the next.
      await database.exec('ROLLBACK');
      await database.exec('DISCARD ALL');
      return;
    case 'stop':
      await database.close();
      answer({ type: 'stopped' });
      port.close();
      return;
    default:
      request satisfies never;
  }
}
