import type { JSX } from 'preact';
export function DeadLettersPage(): JSX.Element {
  return <p />;
}
