/** What an operator can do to an instrument. */
import type { JSX } from 'preact';
import { instrumentPath } from '../node/rest.ts';
import { askFor } from './operation-dialog.tsx';

export function InstrumentOperations(props: {
  readonly exchange: string;
  readonly symbol: string;
  readonly actorStatus: string;
  readonly version?: string | undefined;
}): JSX.Element {
  const { exchange, symbol, actorStatus, version } = props;
  const name = `${exchange}:${symbol}`;
  const path = instrumentPath(exchange, symbol);
  const restart = (title: string, effect: string): void =>
    askFor({ title: `${title} ${name}`, effect, path: `${path}/restart`, version });
  return (
    <span class="operations">
      {actorStatus === 'parked' ? (
        <button
          type="button"
          onClick={() => restart('Unpark', 'Its actor was given up. It begins a new life from its log.')}
        >
          Unpark
        </button>
      ) : (
        <>
          <button
            type="button"
            onClick={() =>
              askFor({
                title: `Resync ${name}`,
                effect: 'Asks the exchange for a fresh book. The book is stale until it came.',
                path: `${path}/resync`,
              })
            }
          >
            Resync
          </button>
          <button
            type="button"
            onClick={() =>
              restart(
                'Restart',
                'Its actor begins a new life from its log. The book is stale until it recovered. Nothing is lost.',
              )
            }
          >
            Restart
          </button>
          <button
            type="button"
            onClick={() =>
              askFor({
                title: `Park ${name}`,
                effect:
                  'Ends the life of its actor until somebody unparks it. It stays wanted; its book is stale.',
                path: `${path}/park`,
                version,
              })
            }
          >
            Park
          </button>
        </>
      )}
    </span>
  );
}
