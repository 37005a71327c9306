/** Recorded frames, from raw text to a checked book and its best prices after every frame that changed it. */
import { join } from 'node:path';
import type { FeedLine, FeedScript } from '../feeds/feed-script.ts';
import { readScript } from '../feeds/feed-script.ts';
import type { PlayedSymbol } from '../feeds/play-script.ts';
import { playScript } from '../feeds/play-script.ts';
import { BestPrices, BestPriceTrace } from './best-prices.ts';
import type { Comparison, PeerCase } from './peer-case.ts';
import type { Tardis } from './peer-packages.ts';
import { loadTardis, loadTardisBybitMapper } from './peer-packages.ts';
import { playBooks } from './play-book.ts';
import type { CreateMappers, TardisLine } from './play-tardis.ts';
import { playTardis } from './play-tardis.ts';
import type { Subject } from './side-by-side.ts';

const LINES_MAX = 12_000;
/** How many times as quick as the peer ours has to be. */
const REQUIRED = 1.5;
/** Beside the folder of the project, which npm runs this in. */
const RECORDINGS = join(process.cwd(), '../shared/data/recordings');

/** How tardis-dev names the exchange behind each connection of a recording. */
type TardisNames = string | Readonly<Record<number, string>>;

export const recordedCases: readonly PeerCase[] = [
  recordedCase('binance-spot-20240808-btcusdt', 'binance'),
  recordedCase('binance-usdm-20240808-btcusdt', 'binance-futures'),
  recordedCase('okx-20220513', 'okex'),
  recordedCase('kraken-20210417', 'kraken'),
  recordedCase('coinbase-exchange-20210417', 'coinbase'),
  recordedCase('bybit-v5-20260809', { 1: 'bybit', 2: 'bybit-spot' }),
];

function recordedCase(name: string, exchanges: TardisNames): PeerCase {
  return {
    name,
    async open() {
      const script = await readScript(join(RECORDINGS, `${name}.jsonl.gz`), LINES_MAX);
      if (script === undefined) return 'not here (see CONTRIBUTING.md on recorded data)';
      const tardis = loadTardis();
      const createMappers = mappersOf(tardis, exchanges);
      const bookScript = onlyBookFrames(script, createMappers);
      const all = toSubjects(script, tardis, createMappers);
      const books = toSubjects(bookScript, tardis, createMappers);
      const compare = (title: string, ours: Subject, theirs: Subject, required?: number): Comparison => ({
        name: title,
        unit: 'frames',
        ours,
        peer: 'tardis-dev',
        theirs,
        required,
      });
      return {
        comparisons: [
          compare(name, all.ours, all.tardis, REQUIRED),
          compare('  without decide and evolve', all.oursBooks, all.tardis),
          compare('  book frames alone', books.ours, books.tardis),
        ],
        notes: [
          `${name}: ${checkAgreement(script, tardis, createMappers)} (${count(script.frameCount)} frames, ${count(bookScript.frameCount)} of them of books).`,
        ],
      };
    },
  };
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** As its client has them for a feed that is live now: the recordings have the channels of live feeds, not those of its own archive. */
function mappersOf(tardis: Tardis, exchanges: TardisNames): CreateMappers {
  return (conn) => {
    const exchange = typeof exchanges === 'string' ? exchanges : exchanges[conn];
    if (exchange === undefined) throw new Error(`Connection ${conn} has no exchange`);
    const now = new Date();
    return [
      exchange.startsWith('bybit')
        ? loadTardisBybitMapper(exchange, 200)
        : tardis.normalizeBookChanges(exchange, now),
      tardis.normalizeTrades(exchange, now),
    ];
  };
}

/** A depth snapshot comes to tardis-dev as a frame of a stream that it makes up itself: the answer as it was, in that wrapper, at its place. */
function toTardisLine(script: FeedScript, line: FeedLine): TardisLine {
  if (line.type === 'frame') return line;
  const text = `{"stream":"${line.nativeSymbol.toLowerCase()}@depthSnapshot","generated":true,"data":${line.text}}`;
  return { conn: script.connections[0]!.conn, text, timeMs: line.timeMs };
}

/** What each side does only to leave a frame alone is not in it then. */
function onlyBookFrames(script: FeedScript, createMappers: CreateMappers): FeedScript {
  const bookMappers = new Map(script.connections.map(({ conn }) => [conn, createMappers(conn)[0]!]));
  const lines = script.lines.filter(
    (line) =>
      line.type === 'answer' || bookMappers.get(line.conn)!.canHandle(JSON.parse(line.text) as unknown),
  );
  return { ...script, lines, frameCount: lines.filter(({ type }) => type === 'frame').length };
}

function toSubjects(script: FeedScript, tardis: Tardis, createMappers: CreateMappers) {
  const best = new BestPrices();
  const lines = script.lines.map((line) => toTardisLine(script, line));
  const subject = (name: string, play: () => number): Subject => ({
    name,
    operationCount: script.frameCount,
    run: () => {
      best.readCount = 0;
      return play() + best.readCount;
    },
  });
  const readOurs = ({ state }: PlayedSymbol): void => best.readOurs(state.book);
  return {
    ours: subject('ours', () => playScript(script, { onFolded: readOurs }).result),
    oursBooks: subject('ours, books alone', () => playBooks(script, ({ book }) => best.readOurs(book))),
    tardis: subject('tardis-dev', () =>
      playTardis(lines, tardis, createMappers, ({ book }) => best.readTardis(book)),
    ),
  };
}

/** Throws unless all readers see the same best prices and quantities in the same order, and ours accepts every frame; returns what agreed. */
function checkAgreement(script: FeedScript, tardis: Tardis, createMappers: CreateMappers): string {
  const best = new BestPrices();
  const ours = new BestPriceTrace();
  const { symbols, rejectedCount } = playScript(script, {
    onFolded: ({ conn, nativeSymbol, state: { book } }) => {
      // Before its first book a symbol has nothing to show, and no peer speaks of it.
      if (book.bidCount === 0 && book.askCount === 0) return;
      best.readOurs(book);
      ours.note(`${conn}/${nativeSymbol}`, best.describeOurs(book));
    },
  });
  const unsure = symbols.filter(({ state }) => state.bookStatus.status === 'stale');
  const checksumsOk = symbols.reduce((sum, { state }) => sum + state.counters.checksumsOk, 0);
  if (rejectedCount > 0 || unsure.length > 0) {
    throw new Error(`ours rejected ${rejectedCount} parts, ${unsure.length} books ended unsure`);
  }

  const oursBooks = new BestPriceTrace();
  playBooks(script, ({ conn, nativeSymbol, book }) => {
    best.readOurs(book);
    oursBooks.note(`${conn}/${nativeSymbol}`, best.describeOurs(book));
  });
  const theirs = new BestPriceTrace();
  const lines = script.lines.map((line) => toTardisLine(script, line));
  playTardis(lines, tardis, createMappers, ({ conn, symbol, book }) => {
    best.readTardis(book);
    theirs.note(`${conn}/${symbol}`, best.describeTardis());
  });
  const difference = ours.findDifference(theirs) ?? ours.findDifference(oursBooks);
  if (difference !== undefined) throw new Error(`the best prices differ: ${difference}`);
  const checked = checksumsOk > 0 ? `, ${count(checksumsOk)} checksums of the exchange hold` : '';
  return `${count(ours.changeCount)} changes of best prices and quantities of ${ours.symbolCount} books, all the same${checked}`;
}
