/** Makes a run that can be stopped at any time, and clears away behind it whatever its end. */

export type Stoppable = {
  readonly say: (text: string) => void;
  /** Ends the run early; what was gathered so far is not checked. */
  readonly stop: AbortSignal;
};

/** `work` adds what is to be closed afterwards, the last first. @throws Error when it was stopped, or what `work` throws */
export async function untilStopped<Report>(
  options: Stoppable,
  work: (closers: (() => unknown)[]) => Promise<Report>,
): Promise<Report> {
  const closers: (() => unknown)[] = [];
  const stopped = new Promise<never>((_, reject) => {
    const stop = (): void => reject(new Error('The run was stopped before its end; nothing was checked'));
    if (options.stop.aborted) stop();
    options.stop.addEventListener('abort', stop, { once: true });
  });
  stopped.catch(() => undefined);
  try {
    return await Promise.race([work(closers), stopped]);
  } finally {
    for (const close of closers.reverse()) {
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => options.say(`cleaning up: ${String(error)}`));
    }
  }
}
