/**
 * Two lanes of faults side by side: one for the node's process, one for what it depends on, each with its own draws, so that the seed decides both
 * whatever the timing. Once a minute both rest and everything must heal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createSeededRandom } from '../../src/base/clock.ts';
import { untilHealed } from './calm.ts';
import { freezeNode, killNode, pauseNode } from './faults/node-faults.ts';
import { SURROUNDINGS_FAULTS, drawFault, runFault } from './faults/surroundings-faults.ts';
import type { RunState } from './run-state.ts';
import { count, drawWhole } from './run-state.ts';

/** How long a node may speak for its instruments without Postgres confirming it: a freeze is longer. */
export const LEASE_MS = 1_000;
/** Faults of the process between two rests: one of them is the freeze. */
const ROUND_LENGTH = 5;

/** How often a kill or freeze comes after a pause. */
const PAUSE_SHARE = 0.15;

/** When a fault was at work (Unix ms): the cause of what is missing is looked for here. */
export type FaultSpan = { readonly name: string; readonly fromMs: number; toMs: number };

export class FaultLanes {
  readonly spans: FaultSpan[] = [];
  /** How long everything took to be live and true again, rest by rest. */
  readonly healTimesMs: number[] = [];
  readonly #state: RunState;
  readonly #untilMs: number;
  readonly #nodeLane: RunState;
  readonly #surroundingsLane: RunState;
  #isResting = false;

  constructor(state: RunState, options: { seed: number; untilMs: number }) {
    this.#state = state;
    this.#untilMs = options.untilMs;
    this.#nodeLane = { ...state, random: createSeededRandom(options.seed ^ 0x6b696c6c) };
    this.#surroundingsLane = { ...state, random: createSeededRandom(options.seed ^ 0x70726f78) };
  }

  describe(): string {
    const { counts, nodes } = this.#state;
    const sum = (pattern: RegExp): number =>
      [...counts].reduce((total, [name, times]) => total + (pattern.test(name) ? times : 0), 0);
    const all = [...counts.values()].reduce((total, times) => total + times, 0);
    return `${sum(/^kill/)} kills, ${sum(/^zombie freeze/)} freezes, ${all} faults in all, ${nodes.startCount} starts`;
  }

  async run(): Promise<void> {
    while (!this.#isOver()) {
      this.#isResting = false;
      this.#state.markets.startMoving();
      await Promise.all([this.#runNodeRound(), this.#runSurroundings()]);
      if (this.#isOver()) return;
      this.healTimesMs.push(await untilHealed(this.#state));
      count(this.#state, 'rest');
    }
  }

  #isOver(): boolean {
    return Date.now() >= this.#untilMs || this.#state.isOver();
  }

  async #runNodeRound(): Promise<void> {
    const { random } = this.#nodeLane;
    const freezeAt = drawWhole(random, 0, ROUND_LENGTH - 1);
    for (let index = 0; index < ROUND_LENGTH && !this.#isOver(); index++) {
      await sleep(drawWhole(random, 300, 2_500));
      if (random() < PAUSE_SHARE) await this.#noted('pause', () => pauseNode(this.#nodeLane));
      if (index === freezeAt) await this.#noted('freeze', () => freezeNode(this.#nodeLane, LEASE_MS));
      else await this.#noted('kill', () => killNode(this.#nodeLane));
    }
    this.#isResting = true;
  }

  async #runSurroundings(): Promise<void> {
    const lane = this.#surroundingsLane;
    while (!this.#isResting && !this.#isOver()) {
      await sleep(drawWhole(lane.random, 300, 3_000));
      const able = SURROUNDINGS_FAULTS.filter(
        ({ name }) => name !== 'disk full' || lane.postgres.isDiskSmall,
      );
      const fault = drawFault(lane, able);
      await this.#noted(fault.name, () => runFault(lane, fault));
    }
  }

  async #noted(name: string, work: () => Promise<void>): Promise<void> {
    const span = { name, fromMs: Date.now(), toMs: Infinity };
    this.spans.push(span);
    await work();
    span.toMs = Date.now();
  }
}
