import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PassThrough } from 'node:stream';
import { systemTimers } from '../../../src/base/clock.ts';
import { AdminClient } from '../../../src/cli/operator/admin-client.ts';
import type { WatchOptions } from '../../../src/cli/operator/watch-markets.ts';
import { watchKeys, watchMarkets } from '../../../src/cli/operator/watch-markets.ts';
import { EXIT_CODES } from '../../../src/cli/exit-codes.ts';
import { NOON_MS, bookSnapshot, instrument, trade } from '../../support/market-events.ts';
import { createClusterWorld } from '../../admin/cluster-world.ts';
import { until } from '../../admin/support.ts';
import type { AskedNode } from './support.ts';
import { createScreen, failureOf, startAskedNode } from './support.ts';

let node: AskedNode;
let nowMs: number;
beforeEach(async () => {
  nowMs = NOON_MS;
  // The node's own clock: rates are worked out by it.
  node = await startAskedNode({
    clock: { nowMs: () => (nowMs += 500), monotonicMs: () => performance.now() },
  });
  await node.world.instruments.spawn('binance', 'BTC-USDT');
  await node.world.deliver('binance:BTC-USDT', [instrument(), bookSnapshot(), trade()]);
});
afterEach(() => node.end());

const options = (overrides: Partial<WatchOptions>): WatchOptions => ({
  ...node.forPeople,
  query: {},
  everyMs: 5,
  timers: systemTimers,
  signal: new AbortController().signal,
  ...overrides,
});

describe('top', () => {
  it('without a terminal shows one table, with the rate between two readings', async () => {
    const { screen, take } = createScreen();
    // Between the two readings come two trades, and half a second passes.
    const timers = {
      ...systemTimers,
      sleep: () =>
        node.world.deliver(
          'binance:BTC-USDT',
          ['2', '3'].map((tradeId) => trade({ tradeId: tradeId })),
        ),
    };
    await watchMarkets(options({ screen, timers }));
    const [head, row, ...rest] = take().trimEnd().split('\n');
    expect(head!.split(/ +/)).toEqual([
      'INSTRUMENT', 'ACTOR', 'BOOK', 'BID', 'ASK', 'SPREAD', 'LAST', 'LAG', 'EVENTS/S', 'RESTARTS',
    ]); // prettier-ignore
    const cells = row!.split(/ +/);
    expect(cells.slice(0, 7)).toEqual([
      'binance:BTC-USDT',
      'running',
      'live',
      '100',
      '100.1',
      '0.1',
      '100.05',
    ]);
    expect(Number(cells.at(-2))).toBeGreaterThan(0);
    expect([cells.at(-1), rest]).toEqual(['0', []]);
  });

  it('for scripts is one document', async () => {
    await watchMarkets(options({ ...node.forScripts }));
    expect(JSON.parse(node.take())).toMatchObject({
      instruments: [{ symbol: 'BTC-USDT', eventsPerSecond: 0, market: { spread: '0.1' } }],
    });
  });

  it('on a terminal refreshes in place, and gives the screen back at the end', async () => {
    const end = new AbortController();
    let shown = '';
    const { screen } = createScreen({
      isTerminal: true,
      width: 60,
      height: 20,
      write: (text) => void (shown += text),
    });
    const watching = watchMarkets(options({ screen, signal: end.signal }));
    await until(() => shown.split('\u001b[H').length > 3);
    await node.server.close();
    await until(() => shown.includes('Trying again'));
    end.abort();
    await watching;
    expect(shown.startsWith('\u001b[?1049h')).toBe(true);
    expect(shown.endsWith('\u001b[?1049l')).toBe(true);
    const drawn = shown.split('\u001b[H')[1]!.split('\r\n');
    expect(drawn[0]).toContain(node.server.url);
    // No line is wider than the terminal, or it would wrap and push the rest down.
    for (const line of drawn) expect(line.replaceAll(/\u001b\[\w/g, '').length).toBeLessThanOrEqual(60);
  });

  it('shows as many as fit, and says how many are left', async () => {
    for (const symbol of ['ETH-USDT', 'XBT-EUR']) await node.world.instruments.spawn('binance', symbol);
    const end = new AbortController();
    const { screen, take } = createScreen({ isTerminal: true, width: 200, height: 5 });
    const watching = watchMarkets(options({ screen, signal: end.signal }));
    let shown = '';
    await until(() => (shown += take()).includes('… 2 more'));
    end.abort();
    await watching;
  });

  it('says whose instruments are missing of a cluster: above the table, below it without a terminal, and to scripts', async () => {
    const cluster = await createClusterWorld();
    await cluster.a.world.instruments.spawn('binance', 'BTC-USDT');
    cluster.goneOwners.push('c');
    const gone = '  c: It is gone, and no other node has taken its shards yet.';
    const client = new AdminClient({ url: cluster.a.server.url, token: '', isJson: false });
    const terminal = createScreen({ isTerminal: true, width: 200, height: 20 });
    const end = new AbortController();
    const watching = watchMarkets(options({ client, screen: terminal.screen, signal: end.signal }));
    let shown = '';
    await until(() => (shown += terminal.take()).includes('binance:BTC-USDT'));
    end.abort();
    await watching;
    const lines = shown
      .split('\u001b[H')[1]!
      .split('\r\n')
      .map((line) => line.replaceAll(/\u001b\[\w/g, ''));
    expect(lines.slice(1, 3)).toEqual(['Not all: what these nodes have is missing.', gone]);
    const { screen, take } = createScreen();
    await watchMarkets(options({ client, screen }));
    expect(take().trimEnd().split('\n').at(-1)).toBe(gone);
    await watchMarkets(options({ client, screen, isJson: true }));
    expect(JSON.parse(take())).toMatchObject({
      nodes: [{ node: 'a', isAnswered: true }, { node: 'b' }, { node: 'c', isAnswered: false }],
    });
    await cluster.end();
  });

  it('of a node that is not there is a failure, with the screen left alone', async () => {
    await node.server.close();
    const { screen, take } = createScreen({ isTerminal: true });
    expect((await failureOf(watchMarkets(options({ screen })))).exitCode).toBe(EXIT_CODES.unreachable);
    expect(take()).toBe('');
  });
});

it.each(['q', 'Q', '\u0003'])('the key %j ends it, and the keyboard is given back', (key) => {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode(mode: boolean) {
      modes.push(mode);
      return input;
    },
  });
  let endedCount = 0;
  const giveBack = watchKeys(input as unknown as NodeJS.ReadStream, () => endedCount++);
  input.emit('data', Buffer.from('x'));
  expect(endedCount).toBe(0);
  input.emit('data', Buffer.from(key));
  giveBack();
  expect([endedCount, modes, input.listenerCount('data')]).toEqual([1, [true, false], 0]);
});
