/** A channel of the stream while a page shows it. */
import type { ChannelHandlers, DocumentOf } from 'tampines/client';
import { useEffect, useMemo } from 'preact/hooks';
import { Store, useStore } from '../state/store.ts';
import { nodeLink } from './node-link.ts';

export type ChannelValue<Document> = {
  readonly document: Document | undefined;
  /** Why what is held may not be how things are. */
  readonly doubt: string | undefined;
};

/** An instrument that is not there may be there soon. */
const ASK_AGAIN_MS = 3_000;

/** Reads a channel until the returned function is called, and asks again where the node has no such channel, or not any more. */
export function followChannel<Channel extends string>(
  channel: Channel,
  handlers: ChannelHandlers<DocumentOf<Channel>>,
): () => void {
  let stop: () => void;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const askLater = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      stop();
      // The client sees to both at the end of a turn: in one turn they would cancel each other.
      timer = setTimeout(begin);
    }, ASK_AGAIN_MS);
  };
  const begin = (): void => {
    stop = nodeLink.stream.subscribe(channel, {
      ...handlers,
      onRefused: (refusal) => {
        handlers.onDoubt?.(refusal.message);
        handlers.onRefused?.(refusal);
        askLater();
      },
      onEnded: (reason) => {
        handlers.onDoubt?.(reason);
        askLater();
      },
    });
  };
  begin();
  return () => {
    clearTimeout(timer);
    stop();
  };
}

/** Returns the newest document of a channel that holds values. */
export function useChannel<Channel extends string>(channel: Channel): ChannelValue<DocumentOf<Channel>> {
  const store = useMemo(
    () => new Store<ChannelValue<DocumentOf<Channel>>>({ document: undefined, doubt: undefined }),
    [channel],
  );
  useEffect(
    () =>
      followChannel(channel, {
        onDocument: (document) => store.set({ document, doubt: undefined }),
        onDoubt: (doubt) => store.set({ ...store.get(), doubt }),
      }),
    [channel, store],
  );
  return useStore(store);
}
