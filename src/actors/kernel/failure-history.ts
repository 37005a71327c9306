/** The failures of one actor, its own and those of its group, and what its strategy says to the newest. */
import { decideOnFailure, recordFailure, type Decision } from '../../supervision/decision.ts';
import { classifyError, type ErrorClass, type FailureRecord } from '../../supervision/failure.ts';
import type { CellSpec } from './cell-spec.ts';
import type { KernelEnvironment } from './kernel-environment.ts';

export class FailureHistory {
  readonly #path: string;
  readonly #spec: CellSpec;
  readonly #environment: KernelEnvironment;
  #records: readonly FailureRecord[] = [];
  #restartCount = 0;

  constructor(path: string, spec: CellSpec, environment: KernelEnvironment) {
    this.#path = path;
    this.#spec = spec;
    this.#environment = environment;
  }

  get newest(): FailureRecord | undefined {
    return this.#records.at(-1);
  }

  get restartCount(): number {
    return this.#restartCount;
  }

  forget(): void {
    this.#records = [];
  }

  classify(error: unknown): ErrorClass {
    try {
      return this.#spec.classify(error) ?? classifyError(error);
    } catch {
      return 'fatal';
    }
  }

  record(
    errorClass: ErrorClass,
    cause: string,
  ): { readonly failure: FailureRecord; readonly decided: Decision } {
    const { clock, random } = this.#environment;
    const { strategy } = this.#spec;
    const monotonicMs = clock.monotonicMs();
    const failure = { atMs: clock.nowMs(), monotonicMs, errorClass, cause };
    this.#records = recordFailure(strategy, this.#records, failure);
    const decided = decideOnFailure(strategy, this.#records, monotonicMs, random);
    return { failure: this.#records.at(-1)!, decided };
  }

  /** Counts and reports a restart: of kind `restarted`, or `poison` where only a message was to blame. */
  announceRestart(
    cause: string,
    facts: {
      readonly errorClass?: ErrorClass;
      readonly attempt?: number;
      readonly delayMs?: number;
      readonly kind?: 'restarted' | 'poison';
    } = {},
  ): void {
    this.#restartCount++;
    const { kind = 'restarted', errorClass, attempt = 0, delayMs = 0 } = facts;
    const event = { cause, errorClass, attempt, delayMs, decision: 'restart' };
    this.#environment.reports.event(this.#path, kind, event);
  }
}
