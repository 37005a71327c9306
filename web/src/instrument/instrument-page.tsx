import type { JSX } from 'preact';
export function InstrumentPage(props: { readonly exchange: string; readonly symbol: string }): JSX.Element {
  return <p>{props.symbol}</p>;
}
