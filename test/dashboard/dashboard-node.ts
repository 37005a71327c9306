/** A whole node that keeps everything in a folder of its own, and starts again at the same address: what a dashboard is pointed at. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TampinesNode } from '../../src/main.ts';
import { startNode } from '../../src/main.ts';
import { loadSettings } from '../../src/settings.ts';
import { RecordingLog } from '../support/recording-log.ts';

export class DashboardNode {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tampines-dashboard-'));
  readonly #assignments: readonly string[];
  #port = 0;
  #node: TampinesNode | undefined;

  constructor(assignments: readonly string[]) {
    this.#assignments = assignments;
  }

  /** While it runs. */
  get node(): TampinesNode {
    if (this.#node === undefined) throw new Error('The node does not run');
    return this.#node;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const { settings, origins } = loadSettings({
      assignments: [
        `node.dataDirectory=${this.#folder}`,
        'redis.port=0',
        `admin.port=${this.#port}`,
        'supervision.restartInitialMs=200',
        'supervision.restartMaxMs=400',
        ...this.#assignments,
      ],
      environment: { TAMPINES_ADMIN_TOKEN: TOKEN },
    });
    this.#node = await startNode({ settings, origins, log: new RecordingLog() });
    this.#port = Number(new URL(this.#node.adminUrl).port);
  }

  async stop(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    await node?.stop();
  }

  /** Stops it for good. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async read<Answer>(path: string): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`);
    if (!response.ok) throw new Error(`${path} is answered with ${response.status}`);
    return (await response.json()) as Answer;
  }
}

export const TOKEN = 'a-token-that-only-operators-know';
