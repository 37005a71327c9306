/** Asks once more before anything is changed, for the token where the node wants one, and says how it ended. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { keepToken } from '../node/operator-token.ts';
import { RefusedError, change } from '../node/rest.ts';
import { Store, useStore } from '../state/store.ts';

export type Operation = {
  /** `Restart binance:BTC-USDT`. */
  readonly title: string;
  /** What it does. */
  readonly effect: string;
  readonly path: string;
  /** Of the instrument as it was looked at. */
  readonly version?: string | undefined;
};

type Phase =
  | { readonly name: 'asked' }
  | { readonly name: 'token'; readonly message: string }
  | { readonly name: 'under way' }
  | { readonly name: 'done' }
  | { readonly name: 'failed'; readonly message: string };

const asked = new Store<Operation | undefined>(undefined);

export function askFor(operation: Operation): void {
  asked.set(operation);
}

export function OperationDialog(): JSX.Element | null {
  const operation = useStore(asked);
  return operation === undefined ? null : <Dialog key={operation.path} operation={operation} />;
}

function Dialog({ operation }: { readonly operation: Operation }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [phase, setPhase] = useState<Phase>({ name: 'asked' });
  const [token, setToken] = useState('');
  useEffect(() => dialog.current?.showModal(), []);

  const run = async (): Promise<void> => {
    setPhase({ name: 'under way' });
    try {
      await change(operation.path, operation.version);
      setPhase({ name: 'done' });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isTokenWanted = error instanceof RefusedError && error.status === 401;
      setPhase(isTokenWanted ? { name: 'token', message } : { name: 'failed', message });
    }
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    if (phase.name === 'token') keepToken(token.trim());
    setToken('');
    void run();
  };
  const isOver = phase.name === 'done' || phase.name === 'failed';
  return (
    <dialog
      ref={dialog}
      class="operation"
      onClose={() => asked.set(undefined)}
      aria-labelledby="operation-title"
    >
      <form onSubmit={submit}>
        <h2 id="operation-title">{operation.title}</h2>
        <p>{operation.effect}</p>
        {phase.name === 'token' && (
          <label>
            Token of the node (kept for this tab only)
            <input
              type="password"
              autocomplete="off"
              required
              autofocus
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
            <span class="hint">{phase.message}</span>
          </label>
        )}
        <p class={`outcome outcome-${phase.name.replace(' ', '-')}`} role="status">
          {phase.name === 'done' && 'Done.'}
          {phase.name === 'under way' && 'Asking the node…'}
          {phase.name === 'failed' && phase.message}
        </p>
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>
            {isOver ? 'Close' : 'Cancel'}
          </button>
          {!isOver && (
            <button type="submit" class="strong" disabled={phase.name === 'under way'} autofocus>
              {operation.title.split(' ', 1)[0]}
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}
