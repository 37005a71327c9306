import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { ClusterClient } from '../../src/admin/cluster-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

it('asks other nodes under a name of any script', async () => {
  const named: unknown[] = [];
  const server = createServer((request, response) => {
    named.push(request.headers['x-tampines-forwarded-by']);
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const adminUrl = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  try {
    const answer = await new ClusterClient('淡滨尼-1', new FakeClock()).ask(
      { name: 'b', adminUrl },
      { method: 'GET', path: '/', query: new URLSearchParams(), headers: {}, timeoutMs: 1_000 },
    );
    expect(answer.status).toBe(200);
    expect(named).toEqual(['???-1']);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
