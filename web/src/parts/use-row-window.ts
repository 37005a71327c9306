/** The rows in sight of an element that scrolls, as it is scrolled and resized. */
import type { RefObject } from 'preact';
import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { RowWindow } from './row-window.ts';
import { rowsInSight } from './row-window.ts';

export function useRowWindow(
  rowCount: number,
  rowHeight: number,
): { readonly view: RefObject<HTMLDivElement | null>; readonly window: RowWindow } {
  const view = useRef<HTMLDivElement>(null);
  const [, drawAgain] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const element = view.current!;
    const listen = (): void => drawAgain(undefined);
    element.addEventListener('scroll', listen, { passive: true });
    const sizes = new ResizeObserver(listen);
    sizes.observe(element);
    return () => {
      element.removeEventListener('scroll', listen);
      sizes.disconnect();
    };
  }, []);
  const { scrollTop = 0, clientHeight = 600 } = view.current ?? {};
  return { view, window: rowsInSight({ scrollTop, viewHeight: clientHeight, rowHeight, rowCount }) };
}
