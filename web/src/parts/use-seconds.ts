/** Draws a component again each second: ages grow without anything being told. Returns a number that is another one then. */
import { useEffect, useReducer } from 'preact/hooks';

const listeners = new Set<() => void>();
setInterval(() => {
  if (document.hidden) return;
  for (const listener of [...listeners]) listener();
}, 1_000);

export function useSeconds(): number {
  const [count, drawAgain] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const listener = (): void => drawAgain(undefined);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return count;
}
