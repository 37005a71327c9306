import { beforeEach, describe, expect, it } from 'vitest';
import { ClusterMembership } from '../../src/cluster/cluster-membership.ts';
import type { ClusterNode, JsonValue } from '../../src/cluster/ports.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { ModelNodeTable } from './model-node-table.ts';

let clock: FakeClock;
let table: ModelNodeTable;

beforeEach(() => {
  clock = new FakeClock();
  table = new ModelNodeTable(clock);
});

function createNode(name: string, runId = 'run-1') {
  const log = new RecordingLog();
  const told: string[][] = [];
  const end = { count: 0 };
  const reporting = { report: { lag: 0 } as JsonValue };
  const membership = new ClusterMembership({
    node: { name, runId, adminUrl: `http://${name}`, roles: ['ingest'] },
    table,
    clock,
    timers: clock,
    log,
    report: () => reporting.report,
    onChanged: (nodes) => void told.push(namesOf(nodes)),
    onDisplaced: () => {
      end.count++;
    },
  });
  return { membership, log, told, end, reporting };
}

const namesOf = (nodes: readonly ClusterNode[]): string[] => nodes.map(({ name }) => name);

describe('a node of a cluster', () => {
  it('knows itself and the others when it has started, and the others know it within a second', async () => {
    const a = createNode('a');
    await a.membership.start();
    const b = createNode('b');
    await b.membership.start();
    expect(namesOf(b.membership.nodes())).toEqual(['a', 'b']);
    await clock.advance(1_000);
    expect(a.told).toEqual([['a'], ['a', 'b']]);
    await clock.advance(10_000);
    expect(a.told).toHaveLength(2);
  });

  it('counts as gone when it was not seen for three seconds, and at once when it leaves', async () => {
    const nodes = ['a', 'b', 'c'].map((name) => createNode(name));
    for (const { membership } of nodes) await membership.start();
    await clock.advance(1_000);
    await nodes[1]!.membership.stop();
    await clock.advance(1_000);
    expect(nodes[0]!.told.at(-1)).toEqual(['a', 'c']);
    table.rows.get('c')!.seenAtMs -= 10_000;
    nodes[0]!.membership.refresh();
    await settle();
    expect(nodes[0]!.told.at(-1)).toEqual(['a']);
  });

  it('tells of itself with each renewal, also that it gave up a role', async () => {
    const a = createNode('a');
    const b = createNode('b');
    await a.membership.start();
    await b.membership.start();
    a.reporting.report = { lag: 7 };
    await clock.advance(1_000);
    expect(table.rows.get('a')!.report).toEqual({ lag: 7 });
    a.membership.setRoles([]);
    await clock.advance(1_000);
    expect(b.membership.nodes().map(({ roles }) => roles)).toEqual([[], ['ingest']]);
  });

  it('is refused while another process of its name lives', async () => {
    await createNode('a', 'run-1').membership.start();
    const second = createNode('a', 'run-2');
    const refusal = expect(second.membership.start()).rejects.toMatchObject({
      code: 'NODE_NAME_TAKEN',
      message: expect.stringMatching(/name a is taken .*http:\/\/a/) as string,
    });
    await clock.advance(1_500);
    await refusal;
    expect(table.rows.get('a')!.runId).toBe('run-1');
  });

  it('waits until the run before has aged, after a crash', async () => {
    table.rows.set('a', {
      ...{ name: 'a', runId: 'run-1', adminUrl: 'http://a', roles: [], report: {} },
      ...{ startedAtMs: clock.nowMs(), seenAtMs: clock.nowMs() },
    });
    const second = createNode('a', 'run-2');
    let isStarted = false;
    void second.membership.start().then(() => (isStarted = true));
    await clock.advance(2_900);
    expect(isStarted).toBe(false);
    await clock.advance(600);
    expect(isStarted).toBe(true);
    expect(table.rows.get('a')!.runId).toBe('run-2');
  });

  it('ends when another process took its name while it was frozen', async () => {
    const first = createNode('a', 'run-1');
    await first.membership.start();
    const second = createNode('a', 'run-2');
    table.rows.get('a')!.seenAtMs -= 10_000;
    await second.membership.start();
    await clock.advance(3_000);
    expect(first.end.count).toBe(1);
    expect(first.log.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { fields: { byRunId: 'run-2' } },
    ]);
    // Every line has the name of its node already.
    expect(first.log.lines.filter(({ fields }) => 'node' in fields)).toEqual([]);
    await first.membership.stop();
    expect(table.rows.get('a')!.runId).toBe('run-2');
  });

  it('neither starts nor goes on where the log that it works by was moved to another topic', async () => {
    const running = createNode('a');
    await running.membership.start();
    table.isLogMoved = true;
    await clock.advance(3_000);
    expect(running.end.count).toBe(1);
    expect(running.log.countOf('error')).toBe(1);
    await expect(createNode('b').membership.start()).rejects.toMatchObject({ code: 'EVENT_LOG_MOVED' });
    expect([...table.rows.keys()]).toEqual(['a']);
  });

  it('keeps the last known nodes while the database is away, and says so once', async () => {
    const a = createNode('a');
    await a.membership.start();
    await createNode('b').membership.start();
    await clock.advance(1_000);
    table.isAway = true;
    await clock.advance(20_000);
    expect(namesOf(a.membership.nodes())).toEqual(['a', 'b']);
    expect(a.log.countOf('warn')).toBe(1);
    expect(a.membership.awayMs).toBe(19_000);
    table.isAway = false;
    await clock.advance(2_000);
    expect(a.membership.awayMs).toBeUndefined();
    expect(a.log.countOf('warn')).toBe(1);
    expect(a.log.lines.at(-1)).toMatchObject({ message: expect.stringContaining('read again') as string });
  });

  it('gives the others time to be seen again when the database comes back, and no longer', async () => {
    const a = createNode('a');
    await a.membership.start();
    await createNode('b').membership.start();
    await createNode('c').membership.start();
    await clock.advance(1_000);
    table.isAway = true;
    await clock.advance(20_000);
    table.isAway = false;
    a.membership.refresh();
    await settle();
    table.rows.delete('c');
    const seen = a.told.length;
    // One that was killed meanwhile.
    const isKilled = (name: string): boolean => name === 'c';
    const renew = table.renew.bind(table);
    table.renew = (node, ...rest) =>
      isKilled(node.name) ? Promise.resolve(undefined) : renew(node, ...rest);
    await clock.advance(2_000);
    expect(a.told.slice(seen)).toEqual([]);
    expect(namesOf(a.membership.nodes())).toEqual(['a', 'b', 'c']);
    await clock.advance(2_000);
    expect(a.told.slice(seen)).toEqual([['a', 'b']]);
  });

  it('leaves no timer behind, and says where it could not take its row out', async () => {
    const a = createNode('a');
    await a.membership.start();
    table.isAway = true;
    await a.membership.stop();
    expect(clock.pendingTimerCount).toBe(0);
    expect(a.log.countOf('warn')).toBe(1);
  });
});
