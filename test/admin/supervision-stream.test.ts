import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SupervisionEvent } from '../../src/actors/ports.ts';
import type { AdminServer } from '../../src/admin/admin-server.ts';
import { createAdminServer } from '../../src/admin/admin-server.ts';
import { FOLLOWERS_MAX, FOLLOWER_BUFFER_MAX_BYTES } from '../../src/admin/routes/supervision-stream.ts';
import type { World } from './support.ts';
import { createWorld, until } from './support.ts';

const STREAM = '/v1/supervision/events/stream';
let world: World;
let server: AdminServer;
const sockets: Socket[] = [];
beforeEach(async () => {
  world = await createWorld();
  server = await createAdminServer(world.options);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
  await world.end();
});

function record(path: string, timeMs: number, fields: Partial<SupervisionEvent> = {}): void {
  const event = {
    kind: 'restarted',
    cause: 'why',
    decision: 'restart',
    attempt: 1,
    delayMs: 0,
    recoveredPosition: undefined,
  };
  world.records.recordSupervisionEvent({ ...event, ...fields, path, timeMs });
}

/** A follower, and the paths it was told so far. */
async function follow(query: string, headers = '') {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  let text = '';
  socket.on('data', (data) => (text += data.toString()));
  socket.write(`GET ${STREAM}${query} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  await until(() => text.includes('\r\n\r\n'));
  return {
    socket,
    text: () => text,
    paths: () => [...text.matchAll(/^data: .*"path":"([^"]+)"/gm)].map(([, path]) => path),
  };
}

describe('a follower of supervision events', () => {
  it('is told those to come, of the actor and kinds he asked for', async () => {
    record('before', 1);
    const all = await follow('');
    const some = await follow('?path=b&kind=parked,poison');
    await until(() => some.text().includes(': following'));
    record('a', 2);
    record('b', 3);
    record('b', 4, { kind: 'parked', cause: 'line 1\nline 2' });
    await until(() => all.paths().length === 3 && some.paths().length === 1);
    expect(all.paths()).toEqual(['a', 'b', 'b']);
    expect(all.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(all.text()).toMatch(/content-type: text\/event-stream; charset=utf-8\r\n/);
    expect(all.text()).toMatch(/x-content-type-options: nosniff\r\n/);
    expect(some.text()).toContain(
      'event: supervision\nid: 4\ndata: {"timeMs":4,"path":"b","kind":"parked","cause":"line 1\\nline 2"',
    );
  });

  it('is told first what was since, oldest first, also when a client comes back with the id of its last event', async () => {
    for (const timeMs of [10, 20, 30]) record(`at-${timeMs}`, timeMs);
    const since = await follow('?kind=restarted&since=20');
    await until(() => since.paths().length === 2);
    const back = await follow('?kind=restarted&since=1', 'Last-Event-ID: 30\r\n');
    await until(() => back.paths().length === 1);
    expect([since.paths(), back.paths()]).toEqual([['at-20', 'at-30'], ['at-30']]);
  });

  it('misses and doubles nothing that comes while the history is read', async () => {
    record('old', 1);
    let give: () => void = () => undefined;
    const given = new Promise<void>((resolve) => (give = resolve));
    let isAsked = false;
    const records = Object.create(world.records) as typeof world.records;
    records.followSupervisionEvents = (listener) => world.records.followSupervisionEvents(listener);
    records.readSupervisionEvents = async (query) => {
      isAsked = true;
      await given;
      return world.records.readSupervisionEvents(query);
    };
    await server.close();
    server = await createAdminServer({ ...world.options, records });
    const following = follow('?kind=restarted&since=1');
    await until(() => isAsked);
    record('meanwhile', 2);
    give();
    const follower = await following;
    record('after', 3);
    await until(() => follower.paths().length >= 3);
    expect(follower.paths()).toEqual(['old', 'meanwhile', 'after']);
  });

  it('so many may follow at once, and one who goes makes room', async () => {
    const followers = await Promise.all(Array.from({ length: FOLLOWERS_MAX }, () => follow('')));
    const refused = await follow('');
    await until(() => refused.text().includes('TOO_MANY_REQUESTS'));
    expect(refused.text()).toMatch(/^HTTP\/1\.1 429 /);
    followers[0]!.socket.destroy();
    let status = 429;
    for (let attempt = 0; attempt < 50 && status === 429; attempt++) {
      const next = await follow('');
      status = Number(next.text().slice(9, 12));
    }
    expect(status).toBe(200);
  });

  it('who does not read is cut off, the others hear on', async () => {
    const slow = await follow('');
    slow.socket.pause();
    const closed = once(slow.socket, 'close');
    const quick = await follow('?kind=parked');
    const cause = 'x'.repeat(64 * 1024);
    for (let count = 0; count * cause.length < 20 * FOLLOWER_BUFFER_MAX_BYTES; count++) {
      record('flood', count, { cause });
      if (count % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    record('last', 9, { kind: 'parked' });
    await until(() => quick.paths().includes('last'));
    slow.socket.resume();
    await closed;
    expect(slow.paths()).not.toContain('last');
  });

  it.each(['?kind=exploded', '?since=yesterday', '?limit=1'])('is refused with %s', async (query) => {
    const response = await fetch(`${server.url}${STREAM}${query}`);
    expect(response.status).toBe(400);
  });

  it('does not keep the server from closing', async () => {
    const follower = await follow('');
    const closed = once(follower.socket, 'close');
    await server.close();
    await closed;
    record('nobody hears it', 1);
    expect(follower.paths()).toEqual([]);
  });
});
