import { expect, it } from 'vitest';
import type { ProfileNode } from '../../bench/budget/stations.ts';
import { shareOut } from '../../bench/budget/stations.ts';

function node(url: string, weight: number, parent?: ProfileNode, functionName = 'work'): ProfileNode {
  return { functionName, url, weight, parent };
}

it('gives what a library or Node.js does to the station that called it, and leaves idle time out', () => {
  const socket = node('file:///app/node_modules/ws/lib/receiver.js', 5);
  const decoder = node('file:///app/src/exchanges/kraken.js', 20, socket);
  const parser = node('node:internal/json', 30, decoder);
  const lane = node('file:///app/src/persistence/journal-lane.js', 1);
  const client = node('file:///app/node_modules/pg/lib/client.js', 2, lane);
  const write = node('node:net', 40, client);
  const timers = node('node:internal/timers', 3);
  const nodes = [
    ...[socket, decoder, parser, lane, client, write, timers],
    node('', 7, undefined, '(garbage collector)'),
    node('', 1_000, undefined, '(idle)'),
  ];
  expect([...shareOut(nodes)]).toEqual([
    ['frame text to events, continuity', 50],
    ['Postgres client', 42],
    ['garbage collection', 7],
    ['socket: frames of the WebSocket', 5],
    ['Node.js itself: sockets, timers, promises', 3],
    ['journal: groups and commits', 1],
  ]);
});
