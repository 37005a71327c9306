/** What operators hear of: supervision events and dead letters, each as one structured log line and one call. */
import type { Clock, Timers } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { describeCause } from '../../supervision/failure.ts';
import type {
  ActorDeadLetter,
  DeadLetterReason,
  SupervisionEvent,
  SupervisionEventKind,
} from './actor-types.ts';
import { LineLimit } from './line-limit.ts';

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
  readonly timers: Timers;
  readonly log: Log;
  readonly onSupervisionEvent: (event: SupervisionEvent) => void;
  readonly onDeadLetter: (letter: ActorDeadLetter) => void;
};

export class Reports {
  readonly #targets: ReportTargets;
  readonly #limit: LineLimit;

  constructor(targets: ReportTargets) {
    this.#targets = targets;
    const { clock, timers, log } = targets;
    this.#limit = new LineLimit({
      clock,
      timers,
      onLeftOut: (lines) =>
        log.warn(lines, 'Supervision lines left out; the newest are in GET /v1/supervision/events'),
    });
  }

  /** Tells what lines were left out so far. */
  close(): void {
    this.#limit.close();
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
    const level = LOG_LEVELS[kind];
    // Lines for debugging are not limited: whoever asks for them wants them all.
    if (level === 'debug' || this.#limit.admits(kind, event.cause))
      this.#targets.log[level](event, `Actor ${kind}`);
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
    if (hasEnded) this.#targets.log.debug(letter, 'Dead letter');
    else if (this.#limit.admits(`dead letter: ${reason}`, cause))
      this.#targets.log.warn(letter, 'Dead letter');
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
