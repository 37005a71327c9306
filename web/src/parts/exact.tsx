/** A decimal as the node told it, with faint zeros behind it where a column has more decimals. */
import type { JSX } from 'preact';
import { zerosBehind } from '../text/decimal-text.ts';

export function Exact(props: {
  readonly text: string | null | undefined;
  /** Of the column. */
  readonly decimals?: number;
}): JSX.Element {
  const { text, decimals = 0 } = props;
  if (text === null || text === undefined) return <span class="unknown">–</span>;
  const zeros = zerosBehind(text, decimals);
  return (
    <span class="exact">
      {text}
      {zeros !== '' && <i class="zeros">{zeros}</i>}
    </span>
  );
}
