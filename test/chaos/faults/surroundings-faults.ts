/** Faults of what a node depends on: Postgres, Redis, the exchanges, and the connections to each. Each heals before it resolves. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultProxy, ProxyFault } from '../fault-proxy.ts';
import type { RunState } from '../run-state.ts';
import { count, drawOne, drawWhole } from '../run-state.ts';

export type Fault = {
  readonly name: string;
  /** How often it is drawn, against the others. */
  readonly weight: number;
  readonly run: (state: RunState) => Promise<void>;
};

const HTTP_RETRY_AFTER_MAX_S = 2;

const restartPostgres =
  (mode: 'immediate' | 'fast') =>
  async ({ postgres }: RunState): Promise<void> => {
    await postgres.restart(mode);
  };

const restartRedis =
  (keepsData: boolean) =>
  async ({ redis, onRedisEmptied }: RunState): Promise<void> => {
    await redis.restart({ keepsData, onDown: keepsData ? () => undefined : onRedisEmptied });
  };

/** The journal's disk is full for a while. */
async function fillDisk(state: RunState): Promise<void> {
  const { postgres, random } = state;
  const fullMs = drawWhole(random, 1_500, 5_000);
  postgres.fillDisk();
  await sleep(fullMs);
  await postgres.freeDisk();
}

/** Spoils the connections through a proxy for a while. Those that were half-open are found dead soon after. */
async function spoil(
  proxy: FaultProxy,
  fault: ProxyFault,
  options: { durationMs: number; deadForMs: number },
): Promise<void> {
  proxy.setFault(fault);
  await sleep(options.durationMs);
  proxy.heal();
  if (fault.kind !== 'halfOpen') return;
  await sleep(options.deadForMs);
  proxy.resetDead();
}

const through = (
  name: string,
  weight: number,
  proxiesOf: (state: RunState) => readonly FaultProxy[],
  options: { slowMaxMs: number; dripBytesPerSecond: number },
): Fault[] => {
  const spoiled =
    (draw: (state: RunState) => ProxyFault, fromMs: number, toMs: number) =>
    async (state: RunState): Promise<void> => {
      const durationMs = drawWhole(state.random, fromMs, toMs);
      const deadForMs = drawWhole(state.random, 0, 2_000);
      const fault = draw(state);
      await spoil(drawOne(state.random, proxiesOf(state)), fault, { durationMs, deadForMs });
    };
  return [
    {
      name: `${name} cut`,
      weight,
      run: (state) => {
        drawOne(state.random, proxiesOf(state)).cut();
        return Promise.resolve();
      },
    },
    { name: `${name} refused`, weight, run: spoiled(() => ({ kind: 'refuse' }), 500, 3_000) },
    { name: `${name} half-open`, weight, run: spoiled(() => ({ kind: 'halfOpen' }), 500, 4_000) },
    {
      name: `${name} slowed`,
      weight,
      run: spoiled(
        ({ random }) => ({ kind: 'delay', delayMs: drawWhole(random, 20, options.slowMaxMs) }),
        1_000,
        4_000,
      ),
    },
    {
      name: `${name} dripping`,
      weight,
      run: spoiled(() => ({ kind: 'drip', bytesPerSecond: options.dripBytesPerSecond }), 1_000, 3_000),
    },
  ];
};

const drawExchange = ({ random, markets }: RunState) => drawOne(random, markets.exchanges);
const drawInstrument = ({ random, markets }: RunState) => drawOne(random, markets.instruments);

/** What is wrong with a symbol's next frame, some of them in a row. */
const spoilSymbol =
  (fault: 'dropNextDelta' | 'crossedBook' | 'duplicateTrade') =>
  (state: RunState): Promise<void> => {
    const { exchange, symbol } = drawInstrument(state);
    exchange.exchange.faults[fault](symbol.nativeSymbol);
    return Promise.resolve();
  };

export const SURROUNDINGS_FAULTS: readonly Fault[] = [
  { name: 'postgres restart immediate', weight: 2, run: restartPostgres('immediate') },
  { name: 'postgres restart fast', weight: 2, run: restartPostgres('fast') },
  { name: 'redis restart with data', weight: 2, run: restartRedis(true) },
  { name: 'redis restart emptied', weight: 2, run: restartRedis(false) },
  { name: 'disk full', weight: 2, run: fillDisk },
  ...through('postgres', 1, ({ postgresProxy }) => [postgresProxy], {
    slowMaxMs: 300,
    dripBytesPerSecond: 4_000,
  }),
  ...through('redis', 1, ({ redisProxy }) => [redisProxy], { slowMaxMs: 300, dripBytesPerSecond: 4_000 }),
  ...through('exchange ws', 1, ({ markets }) => markets.exchanges.map(({ ws }) => ws), {
    slowMaxMs: 800,
    dripBytesPerSecond: 6_000,
  }),
  ...through('exchange rest', 1, ({ markets }) => markets.exchanges.map(({ rest }) => rest), {
    slowMaxMs: 800,
    dripBytesPerSecond: 6_000,
  }),
  {
    name: 'exchange reset',
    weight: 2,
    run: (state) => {
      drawExchange(state).exchange.faults.disconnect();
      return Promise.resolve();
    },
  },
  { name: 'gap', weight: 3, run: spoilSymbol('dropNextDelta') },
  { name: 'crossed book', weight: 3, run: spoilSymbol('crossedBook') },
  { name: 'trade twice', weight: 2, run: spoilSymbol('duplicateTrade') },
  {
    name: 'wrong checksum',
    weight: 3,
    run: (state) => {
      const able = state.markets.exchanges.filter(({ wrongChecksum }) => wrongChecksum !== undefined);
      const exchange = drawOne(state.random, able);
      exchange.wrongChecksum?.(drawOne(state.random, exchange.symbols).nativeSymbol);
      return Promise.resolve();
    },
  },
  {
    name: 'corrupt frame',
    weight: 2,
    run: (state) => {
      drawExchange(state).exchange.faults.corruptFrame();
      return Promise.resolve();
    },
  },
  {
    name: 'silence',
    weight: 2,
    run: async (state) => {
      const durationMs = drawWhole(state.random, 500, 5_000);
      const { faults } = drawExchange(state).exchange;
      faults.silence(durationMs);
      await sleep(durationMs);
      // What it did not say in between is lost, as only a new connection can be without.
      faults.disconnect();
    },
  },
  {
    name: 'rest 429',
    weight: 2,
    run: (state) => {
      const options = {
        count: drawWhole(state.random, 1, 3),
        retryAfterSeconds: drawWhole(state.random, 1, HTTP_RETRY_AFTER_MAX_S),
      };
      drawExchange(state).exchange.faults.refuseRest(options);
      return Promise.resolve();
    },
  },
  {
    name: 'burst tenfold',
    weight: 2,
    run: async (state) => {
      const durationMs = drawWhole(state.random, 1_000, 4_000);
      state.markets.burst(drawExchange(state), { factor: 10, durationMs });
      await sleep(durationMs);
    },
  },
];

/** Draws a fault by weight. */
export function drawFault({ random }: Pick<RunState, 'random'>, faults: readonly Fault[]): Fault {
  let left = random() * faults.reduce((sum, { weight }) => sum + weight, 0);
  for (const fault of faults) {
    left -= fault.weight;
    if (left < 0) return fault;
  }
  return faults.at(-1)!;
}

export async function runFault(state: RunState, fault: Fault): Promise<void> {
  count(state, fault.name);
  await fault.run(state);
}
