/** The tour of docs/tour.md, walked as it is written: only its ports and files are put where nothing else is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  instrumentDetailSchema,
  instrumentSchema,
  supervisionEventsSchema,
} from '../../src/admin/operations-schemas.ts';
import { projectPath } from '../support/source-files.ts';

const TOUR_MAX_MS = 150_000;
const BLOCK_END = '===== the block ends =====';

/** Returns two ports that are free now. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = servers.map(async (server) => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  });
  const [first, second] = await Promise.all(ports);
  for (const server of servers) server.close();
  return [first!, second!];
}

/** Runs the commands in one shell and returns what each block wrote. */
async function walk(blocks: readonly string[], environment: Record<string, string>): Promise<string[]> {
  const script = blocks.map((block) => `${block}\necho '${BLOCK_END}'`).join('\n');
  const shell = spawn('bash', ['-c', script], {
    cwd: projectPath('.'),
    env: { ...process.env, ...environment },
    detached: true,
  });
  let output = '';
  shell.stdout.on('data', (data: Buffer) => (output += data.toString()));
  shell.stderr.on('data', (data: Buffer) => (output += data.toString()));
  const timer = setTimeout(() => process.kill(-shell.pid!, 'SIGKILL'), TOUR_MAX_MS);
  await once(shell, 'close');
  clearTimeout(timer);
  return output.split(`${BLOCK_END}\n`);
}

it(
  'a tour through a node: start, spawn, watch, fail, see why, stop',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tampines-tour-'));
    const [adminPort, redisPort] = await freePorts();
    const blocks = [
      ...readFileSync(projectPath('docs/tour.md'), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms),
    ].map(([, commands]) =>
      commands!
        .replaceAll('8080', String(adminPort))
        .replaceAll('6380', String(redisPort))
        .replaceAll('.tampines/tour', join(folder, 'node'))
        .replaceAll(/\b(tour\.log|ready\.json)\b/g, join(folder, '$1')),
    );
    const environment = { TAMPINES_ADMIN_PORT: String(adminPort), TAMPINES_REDIS_PORT: String(redisPort) };
    const [ready = '', spawned = '', watched = '', , seen = '', stopped = ''] = await walk(
      blocks,
      environment,
    );

    expect(JSON.parse(ready)).toMatchObject({ status: 'ready' });
    expect(instrumentSchema.parse(JSON.parse(spawned))).toMatchObject({
      exchange: 'binance',
      symbol: 'ETH-USDT',
    });
    expect(watched).toMatch(/^ticker:binance:ETH-USDT (live|empty|stale) /m);
    expect(watched).not.toContain('EPIPE');
    expect(watched).toMatch(/^book /m);

    const [inLog = '', events = '', metric = '', detail = ''] = splitAnswers(seen);
    expect(inLog).toMatch(
      /"path":"[^"]*binance:ETH-USDT".*"cause":"[^"]*a fault of the drill".*"decision":"restart"/,
    );
    const told = supervisionEventsSchema
      .parse(JSON.parse(events))
      .events.filter(({ path }) => path.includes('ETH-USDT'));
    expect(told.find(({ kind }) => kind === 'restarted')?.cause).toContain('a fault of the drill');
    expect(told.filter(({ kind }) => kind === 'recovered').length).toBeGreaterThan(0);
    expect(metric).toBe('tampines_supervision_events_total{kind="restarted"} 2');
    expect(instrumentDetailSchema.parse(JSON.parse(detail))).toMatchObject({
      actorStatus: 'running',
      restarts: 1,
    });

    const [status, last = ''] = stopped.trim().split('\n');
    expect(status).toBe('204');
    expect(last).toContain('stopped');
    rmSync(folder, { recursive: true });
  },
  TOUR_MAX_MS + 10_000,
);

/** Of the block that looks at the restart: lines of the log, the events, the metric, the instrument; only the first and third end with a line end. */
function splitAnswers(text: string): string[] {
  const log = text.slice(0, text.indexOf('{"events"'));
  const rest = text.slice(log.length);
  const metricAt = rest.indexOf('tampines_supervision_events_total');
  const metric = rest.slice(metricAt).split('\n')[0]!;
  return [log, rest.slice(0, metricAt), metric, rest.slice(metricAt + metric.length + 1)];
}
