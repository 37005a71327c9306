/**
 * Runs frames through adapters with nothing between them and a naive book: what an adapter reads, checked by its own continuity rule and
 * checksum. A gap or a bad checksum is counted, and the book waits for its next snapshot.
 */
import type { ExchangeAdapter, FeedMessage, FrameDecoder } from '../../src/exchanges/adapter.ts';
import type { BookDelta, BookSnapshot, Sequence, Trade } from '../../src/market/events.ts';
import { NaiveBook } from './naive-book.ts';

export type ReceivedFrame = { readonly conn: number; readonly frame: string; readonly receiveTimeMs: number };

export class DecodedBook {
  readonly levels = new NaiveBook();
  snapshots = 0;
  updates = 0;
  applied = 0;
  sequenceChecksOk = 0;
  gaps = 0;
  checksumsOk = 0;
  checksumsBad = 0;
  crossedAfterUpdate = 0;
  isInSync = false;
  last: Sequence | undefined;
}

export type DecodedFrames = {
  /** By `<conn>/<native symbol>`. */
  readonly books: Map<string, DecodedBook>;
  readonly trades: { readonly conn: number; readonly nativeSymbol: string; readonly trade: Trade }[];
  /** Everything else that was told, in order. */
  readonly others: FeedMessage[];
  readonly connectionChecksOk: number;
  readonly connectionGaps: number;
};

/** `adapterOf` gives the adapter of a connection; one decoder lives as long as its connection. */
export function decodeFrames(
  frames: Iterable<ReceivedFrame>,
  adapterOf: (conn: number) => ExchangeAdapter,
): DecodedFrames {
  const connections = new Map<
    number,
    { adapter: ExchangeAdapter; decoder: FrameDecoder; sequence: Sequence | undefined }
  >();
  const books = new Map<string, DecodedBook>();
  const trades: DecodedFrames['trades'] = [];
  const others: FeedMessage[] = [];
  let connectionChecksOk = 0;
  let connectionGaps = 0;

  for (const { conn, frame, receiveTimeMs } of frames) {
    let connection = connections.get(conn);
    if (connection === undefined) {
      const adapter = adapterOf(conn);
      connection = { adapter, decoder: adapter.createDecoder({ depth: undefined }), sequence: undefined };
      connections.set(conn, connection);
    }
    const { adapter } = connection;
    for (const message of connection.decoder.decode(frame, receiveTimeMs)) {
      switch (message.type) {
        case 'book':
        case 'delta': {
          const key = `${conn}/${message.nativeSymbol}`;
          const book = books.get(key) ?? new DecodedBook();
          books.set(key, book);
          if (message.type === 'book') takeSnapshot(book, message.event, adapter);
          else takeDelta(book, message, adapter);
          break;
        }
        case 'trade':
          trades.push({ conn, nativeSymbol: message.nativeSymbol, trade: message.event });
          break;
        case 'connectionSequence':
          if (connection.sequence !== undefined) {
            if (adapter.nextConnectionSequence(connection.sequence) === message.sequence)
              connectionChecksOk++;
            else connectionGaps++;
          }
          connection.sequence = message.sequence;
          break;
        case 'subscribed':
        case 'unsubscribed':
        case 'refused':
        case 'reply':
        case 'alive':
        case 'leave':
        case 'rejected':
          others.push(message);
      }
    }
  }
  return { books, trades, others, connectionChecksOk, connectionGaps };
}

function takeSnapshot(book: DecodedBook, event: BookSnapshot, adapter: ExchangeAdapter): void {
  book.snapshots++;
  book.isInSync = true;
  book.last = event.sequence;
  book.levels.replace(event);
  compareChecksum(book, event, adapter);
}

function takeDelta(
  book: DecodedBook,
  { event, range }: Extract<FeedMessage, { type: 'delta' }>,
  adapter: ExchangeAdapter,
): void {
  book.updates++;
  if (!book.isInSync) return;
  if (adapter.continuityScope === 'book' && book.last !== undefined) {
    const { verdict } = adapter.continuity(book.last, range, false);
    if (verdict === 'ignore') return;
    if (verdict === 'gap') {
      book.gaps++;
      book.isInSync = false;
      return;
    }
    book.sequenceChecksOk++;
  }
  book.last = range.last ?? book.last;
  book.applied++;
  book.levels.apply(event);
  if (book.levels.isCrossed) book.crossedAfterUpdate++;
  compareChecksum(book, event, adapter);
}

function compareChecksum(book: DecodedBook, event: BookSnapshot | BookDelta, adapter: ExchangeAdapter): void {
  if (event.checksum === undefined || adapter.checksum === undefined) return;
  if (adapter.checksum(book.levels) === event.checksum) {
    book.checksumsOk++;
  } else {
    book.checksumsBad++;
    book.isInSync = false;
  }
}
