/** What a client holds of one channel: the newest document, and whether what comes follows on what it had. */
import type { StreamDocument } from './documents.ts';

/** How a document stands to the one before it on its channel. */
export type Continuity = {
  /**
   * `first`: there was none before. `next`: nothing was passed over. `skipped`: values gave way to this one, which holds all that they did; of trades,
   * closed candles and supervision events some are missing, or may be.
   */
  readonly continuity: 'first' | 'next' | 'skipped';
  /** How many messages were passed over; `undefined` where nobody can tell (the connection was lost in between). */
  readonly skippedCount: number | undefined;
};

/** Calls for what happens on one channel. */
export type ChannelHandlers<Document> = {
  readonly onDocument: (document: Document, how: Continuity) => void;
  /** What is held may not be how things are: the connection is lost, or the node can't tell. The next document ends it. */
  readonly onDoubt?: (reason: string) => void;
  /** The node has no such channel. It is asked again with the next connection. */
  readonly onRefused?: (refusal: { readonly code: string; readonly message: string }) => void;
  /** The instrument was stopped. */
  readonly onEnded?: (reason: string) => void;
};

export class ChannelReader {
  readonly #handlers = new Set<ChannelHandlers<StreamDocument>>();
  #last: StreamDocument | undefined;
  /** Of the last message in this connection. */
  #lastNumber: number | undefined;
  #isBehind = false;

  get isWanted(): boolean {
    return this.#handlers.size > 0;
  }

  add(handlers: ChannelHandlers<StreamDocument>): void {
    this.#handlers.add(handlers);
    const last = this.#last;
    // Of events nobody wants an old one.
    if (last !== undefined && isValue(last)) {
      handlers.onDocument(last, { continuity: 'first', skippedCount: undefined });
    }
  }

  remove(handlers: ChannelHandlers<StreamDocument>): void {
    this.#handlers.delete(handlers);
  }

  take(document: StreamDocument, number: number): void {
    const last = this.#last;
    const lastNumber = this.#lastNumber;
    this.#lastNumber = number;
    // A node that is behind, or whose database was set back, never takes a reader back in time.
    if (last !== undefined && isOlder(document, last)) {
      if (!this.#isBehind) this.doubt('the node tells of an older version than what was read before');
      this.#isBehind = true;
      return;
    }
    this.#isBehind = false;
    this.#last = document;
    const how = continuityOf({ document, last, number, lastNumber });
    for (const { onDocument } of this.#handlers) onDocument(document, how);
  }

  doubt(reason: string): void {
    for (const { onDoubt } of this.#handlers) onDoubt?.(reason);
  }

  disconnected(reason: string): void {
    this.#lastNumber = undefined;
    this.doubt(reason);
  }

  refuse(refusal: { readonly code: string; readonly message: string }): void {
    for (const { onRefused } of this.#handlers) onRefused?.(refusal);
  }

  end(reason: string): void {
    this.#lastNumber = undefined;
    for (const { onEnded } of this.#handlers) onEnded?.(reason);
  }
}

function continuityOf(of: {
  readonly document: StreamDocument;
  readonly last: StreamDocument | undefined;
  readonly number: number;
  readonly lastNumber: number | undefined;
}): Continuity {
  const { document, last, number, lastNumber } = of;
  if (last === undefined) return { continuity: 'first', skippedCount: undefined };
  if (document.type === 'trades' && document.afterSeq === last.seq)
    return { continuity: 'next', skippedCount: 0 };
  if (lastNumber === undefined) return { continuity: 'skipped', skippedCount: undefined };
  const skippedCount = number - lastNumber - 1;
  // Trades are chained by their places in the log: numbers without a hole do not help where that chain is broken.
  const isNext = skippedCount === 0 && document.type !== 'trades';
  return { continuity: isNext ? 'next' : 'skipped', skippedCount };
}

function isOlder(a: StreamDocument, b: StreamDocument): boolean {
  return a.epoch === b.epoch ? a.seq < b.seq : a.epoch < b.epoch;
}

/** Each holds all that those before it did. */
function isValue(document: StreamDocument): boolean {
  if (document.type === 'candle') return !document.isClosed;
  return document.type === 'orderbook' || document.type === 'ticker';
}
