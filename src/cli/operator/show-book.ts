/** `tampines book`: an order book as traders see it, asks above bids. */
import { bookSchema } from '../../admin/market-schemas.ts';
import type { Column } from '../text-table.ts';
import { formatTable, toPrintable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import { instrumentPath } from './admin-client.ts';
import type { Screen } from './screen.ts';
import { writeJson, writeLines } from './screen.ts';

type Row = { readonly side: 'ask' | 'bid'; readonly price: string; readonly quantity: string };

const COLUMNS: readonly Column<Row>[] = [
  { title: 'SIDE', text: ({ side }) => side },
  { title: 'PRICE', text: ({ price }) => price, isRight: true },
  { title: 'QUANTITY', text: ({ quantity }) => quantity, isRight: true },
];

export async function showBook(options: {
  client: AdminClient;
  screen: Screen;
  isJson: boolean;
  exchange: string;
  symbol: string;
  /** In tick sizes. */
  resolution: number;
  depth: number;
}): Promise<void> {
  const { client, screen, exchange, symbol, resolution, depth } = options;
  const book = await client.read(
    { method: 'GET', path: `${instrumentPath(exchange, symbol)}/book`, query: { resolution, depth } },
    bookSchema,
  );
  if (options.isJson) {
    writeJson(screen, book);
    return;
  }
  const rows = [
    ...book.asks.toReversed().map(([price, quantity]): Row => ({ side: 'ask', price, quantity })),
    ...book.bids.map(([price, quantity]): Row => ({ side: 'bid', price, quantity })),
  ];
  const status = book.status === 'live' ? 'live' : `${book.status}: ${book.reason || 'no book came yet'}`;
  const head = `${book.exchange}:${book.symbol}, resolution ${book.resolution}, position ${book.seq}, ${status}`;
  writeLines(screen, [toPrintable(head), ...formatTable(COLUMNS, rows, { widthMax: screen.width })]);
}
