/** What the REST says, asked again and again while a page shows it. */
import { useEffect, useState } from 'preact/hooks';
import { nodeLink } from './node-link.ts';
import { readJson } from './rest.ts';

export type Answered<Answer> = {
  /** The newest one; it stays while a later request fails. */
  readonly answer: Answer | undefined;
  /** Why the last request had none. */
  readonly failure: string | undefined;
};

/**
 * Calls `ask` at once and every so often until the returned function is called; never twice at a time, and not in a tab that nobody sees, but at once
 * when somebody looks again.
 */
export function repeat(ask: (signal: AbortSignal) => Promise<void>, everyMs: number): () => void {
  const end = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  const turn = async (): Promise<void> => {
    clearTimeout(timer);
    isAsking = true;
    try {
      await ask(end.signal);
      nodeLink.noteAnswer();
    } catch (error) {
      if (!end.signal.aborted) nodeLink.noteFailure(error);
    }
    isAsking = false;
    wait();
  };
  const wait = (): void => {
    if (!end.signal.aborted && !document.hidden) timer = setTimeout(() => void turn(), everyMs);
  };
  const look = (): void => {
    if (document.hidden) clearTimeout(timer);
    else if (!isAsking) void turn();
  };
  document.addEventListener('visibilitychange', look, { signal: end.signal });
  void turn();
  return () => {
    end.abort();
    clearTimeout(timer);
  };
}

export function useAnswer<Answer>(path: string, everyMs: number): Answered<Answer> {
  const [answered, setAnswered] = useState<Answered<Answer> & { path: string }>({
    path,
    answer: undefined,
    failure: undefined,
  });
  useEffect(
    () =>
      repeat(async (signal) => {
        try {
          const answer = await readJson<Answer>(path, signal);
          setAnswered({ path, answer, failure: undefined });
        } catch (error) {
          const failure = error instanceof Error ? error.message : String(error);
          if (!signal.aborted) {
            setAnswered((held) => ({ path, answer: held.path === path ? held.answer : undefined, failure }));
          }
          throw error;
        }
      }, everyMs),
    [path, everyMs],
  );
  // What was asked before is no answer to another question.
  return answered.path === path ? answered : { answer: undefined, failure: undefined };
}
