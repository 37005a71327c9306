const TEXT_MAX_CHARACTERS = 4_096;

/** Returns an event as text for a dead letter: JSON with big integers as digits, cut to 4,096 characters. */
export function toDeadLetterText(event: object): string {
  const digits = (_name: string, value: unknown): unknown =>
    typeof value === 'bigint' ? value.toString() : value;
  return JSON.stringify(event, digits).slice(0, TEXT_MAX_CHARACTERS);
}
