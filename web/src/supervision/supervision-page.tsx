import type { JSX } from 'preact';
export function SupervisionPage(): JSX.Element {
  return <p />;
}
