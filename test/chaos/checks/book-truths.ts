/** Which books the exchanges truly had, and until when: every one since the market moved last, for as long as somebody may ask. Pure. */

type Known = { readonly text: string; lastTrueMs: number };

type Track = { readonly byText: Map<string, Known>; current: Known | undefined };

export class BookTruths {
  readonly #tracks = new Map<string, Track>();

  /** The book of the instrument is this from now on. Times never go back. */
  note(instrument: string, text: string, nowMs: number): void {
    let track = this.#tracks.get(instrument);
    if (track === undefined) {
      track = { byText: new Map(), current: undefined };
      this.#tracks.set(instrument, track);
    }
    if (track.current !== undefined) {
      if (track.current.text === text) return;
      track.current.lastTrueMs = nowMs;
    }
    // Put in again at the end: the map stays in the order in which books were last true.
    track.byText.delete(text);
    track.current = { text, lastTrueMs: Infinity };
    track.byText.set(text, track.current);
  }

  /** How long before `atMs` the book was last true, 0 when it still was; `undefined` when it is not known to have been. */
  ageMs(instrument: string, text: string, atMs: number): number | undefined {
    const known = this.#tracks.get(instrument)?.byText.get(text);
    return known === undefined ? undefined : Math.max(0, atMs - known.lastTrueMs);
  }

  currentOf(instrument: string): string | undefined {
    return this.#tracks.get(instrument)?.current?.text;
  }

  /** Forgets what was last true before `beforeMs`. */
  forget(beforeMs: number): void {
    for (const { byText } of this.#tracks.values()) {
      for (const [text, { lastTrueMs }] of byText) {
        if (lastTrueMs >= beforeMs) break;
        byText.delete(text);
      }
    }
  }
}
