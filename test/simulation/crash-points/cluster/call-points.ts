/**
 * Every call that processes of a run make to Postgres or Kafka, named after what they ask and counted by name; and what becomes of the one that
 * was chosen.
 */
import type { Process } from '../../world/world.ts';

/** What may become of a call. */
export const FATES = [
  /** The process ends when it would send it. */
  'dies before',
  /** It is done, and the process ends before it hears so. */
  'done, dies',
  /** The process ends, and what it had sent is done when others have taken over. */
  'dies, done late',
  /** It is not done, and the process hears that nobody knows. */
  'lost',
  /** It is done, and the process hears that nobody knows. */
  'done, answer lost',
] as const;
export type Fate = (typeof FATES)[number];

export const DYING: readonly Fate[] = ['dies before', 'done, dies'];
/** Of what may be asked again: done late, or its answer lost, is as if it had not been. */
export const OF_A_READING: readonly Fate[] = [...DYING, 'lost'];

export type Call = { readonly name: string; readonly fates: readonly Fate[] };
/** `nth`: of the calls of this name, from 1. */
export type Trial = { readonly name: string; readonly nth: number; readonly fate: Fate };

export class CallPoints {
  readonly calls: Call[] = [];
  /** The call that met its fate. */
  struck: Call | undefined;
  isCounting = true;
  #sameCount = 0;
  readonly #trial: Trial | undefined;
  readonly #kill: (process: Process) => void;

  constructor(trial: Trial | undefined, kill: (process: Process) => void) {
    this.#trial = trial;
    this.#kill = kill;
  }

  /** A call is about to be made. Returns what becomes of it; `undefined`: it is done and answered. */
  next(name: string, fates: readonly Fate[]): Fate | undefined {
    if (!this.isCounting) return undefined;
    this.calls.push({ name, fates });
    if (name !== this.#trial?.name || ++this.#sameCount !== this.#trial.nth) return undefined;
    this.struck = this.calls.at(-1);
    return this.#trial.fate;
  }

  kill(process: Process): void {
    if (!process.isDead) this.#kill(process);
  }
}

/** What a process that has ended waits for. */
export function never<Value>(): Promise<Value> {
  return new Promise(() => undefined);
}

/** Returns every fate of every call; of the calls of one name `each`, spread over the run, the first among them. */
export function trialsOf(calls: readonly Call[], each: number): Trial[] {
  const names = [...new Set(calls.map(({ name }) => name))];
  return names.flatMap((name) => {
    const same = calls.filter((call) => call.name === name);
    const count = Math.min(each, same.length);
    const chosen = Array.from({ length: count }, (_, index) => Math.floor((index * same.length) / count));
    return chosen.flatMap((at) => same[at]!.fates.map((fate) => ({ name, nth: at + 1, fate })));
  });
}
