/** What operators hear of: supervision events and dead letters, each as one structured log line and one call. */
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { describeCause } from '../../supervision/failure.ts';
import type {
  ActorDeadLetter,
  DeadLetterReason,
  SupervisionEvent,
  SupervisionEventKind,
} from './actor-types.ts';

const MESSAGE_MAX_CHARACTERS = 200;

const LOG_LEVELS: Readonly<Record<SupervisionEventKind, 'debug' | 'info' | 'warn' | 'error'>> = {
  started: 'debug',
  recovered: 'debug',
  stopped: 'debug',
  unparked: 'info',
  restarted: 'warn',
  poison: 'warn',
  fenced: 'warn',
  stuck: 'error',
  abandoned: 'error',
  escalated: 'error',
  parked: 'error',
};

export type ReportTargets = {
  readonly clock: Clock;
  readonly log: Log;
  readonly onSupervisionEvent: (event: SupervisionEvent) => void;
  readonly onDeadLetter: (letter: ActorDeadLetter) => void;
};

export class Reports {
  readonly #targets: ReportTargets;

  constructor(targets: ReportTargets) {
    this.#targets = targets;
  }

  event(
    path: string,
    kind: SupervisionEventKind,
    facts: Partial<Omit<SupervisionEvent, 'timeMs' | 'path' | 'kind'>> = {},
  ): void {
    const event: SupervisionEvent = {
      timeMs: this.#targets.clock.nowMs(),
      path,
      kind,
      cause: '',
      errorClass: undefined,
      decision: 'continue',
      attempt: 0,
      delayMs: 0,
      recoveredPosition: undefined,
      ...facts,
    };
    this.#targets.log[LOG_LEVELS[kind]](event, `Actor ${kind}`);
    this.#guarded(() => this.#targets.onSupervisionEvent(event));
  }

  deadLetter(path: string, reason: DeadLetterReason, message: string, cause = ''): void {
    const letter = {
      timeMs: this.#targets.clock.nowMs(),
      path,
      reason,
      message: message.slice(0, MESSAGE_MAX_CHARACTERS),
      cause,
    };
    // An actor that ended is expected to miss what is still said to it; every other dead letter is a message that somebody counted on.
    const hasEnded = reason === 'gone' || reason === 'stopping' || reason === 'stopped';
    this.#targets.log[hasEnded ? 'debug' : 'warn'](letter, 'Dead letter');
    this.#guarded(() => this.#targets.onDeadLetter(letter));
  }

  /** A failure that nobody decides on: of a clean-up, or of a listener. */
  warning(path: string, what: string, error: unknown): void {
    this.#targets.log.warn({ path, cause: describeCause(error) }, what);
  }

  #guarded(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#targets.log.error({ cause: describeCause(error) }, 'A listener for supervision failed');
    }
  }
}

/** A few words about any message, without ever throwing. */
export function describeMessage<M>(describe: (message: M) => string, message: M): string {
  try {
    return describe(message);
  } catch {
    return 'a message that can not be described';
  }
}
