import type { DeadLetter, DesiredInstrument } from './ports.ts';

const TEXT_MAX_CHARACTERS = 4_096;

/** Returns an event as text for a dead letter: JSON with big integers as digits, cut to 4,096 characters. */
export function toDeadLetterText(event: object): string {
  const digits = (_name: string, value: unknown): unknown =>
    typeof value === 'bigint' ? value.toString() : value;
  return JSON.stringify(event, digits).slice(0, TEXT_MAX_CHARACTERS);
}

export type Rejection = {
  readonly reason: string;
  readonly detail: string;
  /** Of the event, the same whenever the log is read again. */
  readonly name: string;
};

export function toDeadLetter(
  { instrument, exchange, symbol }: DesiredInstrument,
  event: { readonly eventTimeMs: number },
  { reason, detail, name }: Rejection,
): DeadLetter {
  return {
    timeMs: event.eventTimeMs,
    ...{ exchange, symbol, reason, detail },
    text: toDeadLetterText(event),
    place: `${instrument} ${reason} ${name}`,
  };
}
