/** `tampines simulate`: the three simulated exchanges on loopback, speaking their exchanges' wire protocols. */
import { createSeededRandom, systemClock, systemTimers } from '../base/clock.ts';
import { demoSymbols } from '../feeds/simulators/demo-symbols.ts';
import type { SimulatedExchange } from '../feeds/simulators/simulated-exchange.ts';
import { createSimulatedBinance } from '../feeds/simulators/simulated-binance.ts';
import { createSimulatedCryptocom } from '../feeds/simulators/simulated-cryptocom.ts';
import { createSimulatedKraken } from '../feeds/simulators/simulated-kraken.ts';
import { untilStopped } from './start.ts';

export type Simulation = {
  readonly exchanges: ReadonlyMap<
    string,
    Pick<SimulatedExchange, 'endpoints' | 'faults' | 'market' | 'close'>
  >;
  /** Instruments that they trade, as `<exchange>:<unified symbol>`. */
  readonly instruments: readonly string[];
  /** Settings that point a node at them, for `--set`. */
  readonly assignments: readonly string[];
  close(): Promise<void>;
};

export async function startSimulation(options: {
  seed: number;
  stepsPerSecond: number;
}): Promise<Simulation> {
  const surroundings = (offset: number) => ({
    random: createSeededRandom(options.seed + offset),
    clock: systemClock,
    timers: systemTimers,
    stepsPerSecond: options.stepsPerSecond,
  });
  const exchanges = new Map<string, Pick<SimulatedExchange, 'endpoints' | 'faults' | 'market' | 'close'>>([
    ['cryptocom', await createSimulatedCryptocom({ ...surroundings(0), symbols: demoSymbols.cryptocom })],
    ['binance', await createSimulatedBinance({ ...surroundings(1), symbols: demoSymbols.binance })],
    ['kraken', await createSimulatedKraken({ ...surroundings(2), symbols: demoSymbols.kraken })],
  ]);
  return {
    exchanges,
    instruments: Object.entries(demoSymbols).flatMap(([exchange, symbols]) =>
      symbols.map(({ base, quote }) => `${exchange}:${base}-${quote}`),
    ),
    assignments: Array.from(exchanges, ([exchange, { endpoints }]) => [
      `exchanges.${exchange}.wsUrl=${endpoints.ws}`,
      `exchanges.${exchange}.restUrl=${endpoints.rest}`,
    ]).flat(),
    close: async () => {
      await Promise.all(Array.from(exchanges.values(), (exchange) => exchange.close()));
    },
  };
}

export async function simulate(options: { seed: number; stepsPerSecond: number }): Promise<void> {
  const simulation = await startSimulation(options);
  const lines = [
    'Simulated exchanges are running. Point a node at them with',
    '',
    `  tampines start ${simulation.assignments.map((assignment) => `--set ${assignment}`).join(' \\\n    ')} \\`,
    `    --set instruments=${simulation.instruments.join(',')}`,
    '',
    'Ctrl-C ends them.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  await untilStopped();
  await simulation.close();
}
