/** Clients of a stream, spread over processes of their own. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ClientsOrder, ClientsReport } from './stream-clients-process.ts';

type Counted = Extract<ClientsReport, { type: 'counted' }>;

const PROCESS_COUNT = 2;

export class StreamClients {
  readonly #processes: readonly ChildProcess[];

  private constructor(processes: readonly ChildProcess[]) {
    this.#processes = processes;
  }

  /** Resolves when all are connected and subscribed. */
  static async connect(order: ClientsOrder): Promise<StreamClients> {
    const processes = Array.from({ length: PROCESS_COUNT }, () =>
      fork(join(import.meta.dirname, 'stream-clients-process.js')),
    );
    await Promise.all(
      processes.map(async (child, index) => {
        const channels = order.channels.filter((_, place) => place % PROCESS_COUNT === index);
        child.send({ ...order, channels } satisfies ClientsOrder);
        // A process that could not connect has ended.
        const [first] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
        if (typeof first !== 'object') throw new Error('A process of clients could not connect');
      }),
    );
    return new StreamClients(processes);
  }

  begin(): void {
    for (const child of this.#processes) child.send('begin');
  }

  async report(): Promise<Counted[]> {
    return Promise.all(
      this.#processes.map(async (child) => {
        child.send('report');
        const [counted] = (await once(child, 'message')) as [Counted];
        return counted;
      }),
    );
  }

  async close(): Promise<void> {
    for (const child of this.#processes) {
      child.kill();
      await once(child, 'exit');
    }
  }
}
