import type { Guard } from '../guard.ts';

/** State is a pure function of the log. */
export const stateOfTheLog: readonly Guard[] = [
  {
    holds: 1,
    name: 'A heartbeat moves time to what it says, not to the clock on the wall',
    file: 'src/market/evolve.ts',
    text: 'state.ticker.advanceTo(event.eventTimeMs);',
    without: 'state.ticker.advanceTo(Date.now());',
    tests: [
      { file: 'test/market/evolve.test.ts', name: 'a heartbeat closes the candles of a quiet instrument' },
      { file: 'test/tidy.test.ts', name: 'asks no clock, no chance and no world' },
    ],
  },
  {
    holds: 1,
    name: 'What a source delivered before is dropped by its ordinal',
    file: 'src/market/decide.ts',
    text: 'index = Math.max(0, knownOrdinal + 1 - firstOrdinal)',
    without: 'index = 0',
    tests: [
      { file: 'test/market/decide.test.ts', name: 'a batch delivered again gives no entry' },
      { file: 'test/market/instrument-state.test.ts', name: 'of anything already delivered changes nothing' },
    ],
  },
  {
    holds: 1,
    name: 'A trade whose identity is known is dropped',
    file: 'src/market/decide.ts',
    text: "if (event.type === 'Trade' && !identities.add(event.tradeId)) {",
    without: "if (event.type === 'Trade' && !identities.add(event.tradeId) && false) {",
    tests: [
      { file: 'test/market/decide.test.ts', name: 'a trade from a second feed counts once' },
      { file: 'test/market/decide.test.ts', name: 'a trade that comes twice in one batch counts once' },
    ],
  },
  {
    holds: 1,
    name: 'The fold counts a trade once, whatever the log holds',
    file: 'src/market/evolve.ts',
    text: 'if (!state.trades.add(trade.tradeId)) return;',
    without: 'state.trades.add(trade.tradeId);',
    tests: [{ file: 'test/market/decide.test.ts', name: 'a log that holds a trade twice counts it once' }],
  },
  {
    holds: 1,
    name: 'Sources are kept in the order of their use, so that the same one is forgotten in every run',
    file: 'src/market/source-positions.ts',
    text: 'if (source !== this.#newest) this.#lastOrdinals.delete(source);',
    without: '',
    tests: [{ file: 'test/market/decide.test.ts', name: 'the source unused for longest is forgotten first' }],
  },
  {
    holds: 1,
    name: 'Identities that were forgotten within a batch are looked at as if each trade were folded',
    file: 'src/market/identities-ahead.ts',
    text: 'if (this.#added.size <= this.#folded.spareCount) return false;',
    without: 'if (this.#added.size >= 0) return false;',
    tests: [
      {
        file: 'test/market/instrument-state.test.ts',
        name: 'even where trade identities are forgotten within a batch',
      },
    ],
  },
  {
    holds: 1,
    name: 'A state snapshot shares nothing with the state that goes on',
    file: 'src/market/instrument-state.ts',
    text: '    metadata: state.metadata,\n    counters: { ...state.counters },',
    without: '    metadata: state.metadata,\n    counters: state.counters,',
    tests: [
      {
        file: 'test/market/instrument-state.test.ts',
        name: 'a state snapshot shares nothing with the state',
      },
    ],
  },
  {
    holds: 1,
    name: 'Open and close go by event time and trade id, not by arrival',
    file: 'src/market/candle-bar.ts',
    text: 'if (isTradeBefore(from.openAtMs, from.openKey, bar.openAtMs, bar.openKey)) {',
    without: 'if (false) {',
    tests: [
      {
        file: 'test/market/candles.test.ts',
        name: 'after every step the newest revisions are what a full recount',
      },
    ],
  },
  {
    holds: 1,
    name: 'A batch number that is not the next one ends the recovery',
    file: 'src/actors/kernel/persistence-bridge.ts',
    text: '  if (batchNumber === expected) return;',
    without: '  if (batchNumber >= 0) return;',
    tests: [
      {
        file: 'test/actors/kernel/persistent-actor.test.ts',
        name: 'a hole in the log is a failure of recovery',
      },
    ],
  },
  {
    holds: 1,
    name: 'A write under way is waited for before the log is read again',
    file: 'src/actors/kernel/actor-cell.ts',
    text: '    if (life.persisting !== undefined) await this.#waits.within(this.spec.shutdownMs, life.persisting);\n',
    without: '',
    tests: [
      {
        file: 'test/actors/kernel/persistent-actor.test.ts',
        name: 'a write under way when its handler fails is in the log before that is read again',
      },
    ],
  },
];
