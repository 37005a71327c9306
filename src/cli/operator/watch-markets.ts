/** `tampines top`: the instruments of a node as a table that refreshes in place. Without a terminal it is written once. */
import type { Timers } from '../../base/clock.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Column } from '../text-table.ts';
import { formatTable, toPrintable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import { formatTime } from './event-columns.ts';
import type { InstrumentsQuery, ListedInstrument } from './list-instruments.ts';
import { formatLag, readInstruments, tellMissing } from './list-instruments.ts';
import type { Screen } from './screen.ts';
import { writeJson, writeLines } from './screen.ts';

export type WatchOptions = {
  readonly client: AdminClient;
  readonly screen: Screen;
  readonly isJson: boolean;
  readonly query: InstrumentsQuery;
  readonly everyMs: number;
  readonly timers: Timers;
  /** Ends the watching. */
  readonly signal: AbortSignal;
};

type Reading = Awaited<ReturnType<typeof readInstruments>>;
/** `eventsPerSecond`: `undefined` where two readings can't tell, for the first time or after a new life. */
type Row = ListedInstrument & { readonly eventsPerSecond: number | undefined };

const OTHER_SCREEN = '\u001b[?1049h\u001b[?25l';
const FORMER_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

const COLUMNS: readonly Column<Row>[] = [
  { title: 'INSTRUMENT', text: ({ exchange, symbol }) => `${exchange}:${symbol}`, width: 24 },
  { title: 'ACTOR', text: ({ actorStatus }) => actorStatus, width: 10 },
  { title: 'BOOK', text: ({ market }) => market?.status ?? '-', width: 5 },
  { title: 'BID', text: ({ market }) => market?.bid ?? '-', width: 12, isRight: true },
  { title: 'ASK', text: ({ market }) => market?.ask ?? '-', width: 12, isRight: true },
  { title: 'SPREAD', text: ({ market }) => market?.spread ?? '-', width: 10, isRight: true },
  { title: 'LAST', text: ({ market }) => market?.last ?? '-', width: 12, isRight: true },
  { title: 'LAG', text: ({ market }) => formatLag(market?.lagMs), width: 8, isRight: true },
  { title: 'EVENTS/S', text: ({ eventsPerSecond }) => formatRate(eventsPerSecond), width: 8, isRight: true },
  { title: 'RESTARTS', text: ({ restarts }) => String(restarts), width: 8, isRight: true },
];

/** Resolves when the signal comes; without a terminal after two readings. @throws CommandFailure when the node can't be read at first */
export async function watchMarkets(options: WatchOptions): Promise<void> {
  const { client, query, screen, timers, everyMs, signal } = options;
  let before = await readInstruments(client, query);
  if (!screen.isTerminal || options.isJson) {
    await timers.sleep(everyMs);
    const now = await readInstruments(client, query);
    writeOnce(options, now, toRows(now, before));
    return;
  }
  screen.write(OTHER_SCREEN);
  try {
    draw(options, before, toRows(before, undefined));
    for (;;) {
      await Promise.race([timers.sleep(everyMs), untilAborted(signal)]);
      if (signal.aborted) break;
      try {
        const now = await readInstruments(client, query);
        draw(options, now, toRows(now, before));
        before = now;
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error;
        drawLines(screen, [...error.message.split('\n'), '', 'Trying again; q ends.']);
      }
    }
  } finally {
    screen.write(FORMER_SCREEN);
  }
}

/** Calls `end` on q or Ctrl-C, which come as keys where the terminal hands over each; returns what gives the keyboard back. */
export function watchKeys(input: NodeJS.ReadStream, end: () => void): () => void {
  if (!input.isTTY) return () => undefined;
  const onKeys = (keys: Buffer): void => {
    if (/[qQ\u0003]/.test(keys.toString())) end();
  };
  input.setRawMode(true).resume().on('data', onKeys);
  return () => void input.off('data', onKeys).setRawMode(false).pause();
}

function writeOnce({ screen, isJson }: WatchOptions, { nodes }: Reading, rows: readonly Row[]): void {
  if (isJson) {
    const instruments = rows.map((row) => ({ ...row, eventsPerSecond: row.eventsPerSecond ?? null }));
    writeJson(screen, { nodes, instruments });
    return;
  }
  const missing = tellMissing(nodes);
  const table = formatTable(COLUMNS, rows, { widthMax: screen.width });
  writeLines(screen, missing.length === 0 ? table : [...table, '', ...missing]);
}

function toRows(now: Reading, before: Reading | undefined): Row[] {
  const positions = new Map(
    before?.instruments.map((each) => [`${each.exchange}:${each.symbol}`, each.market?.position]),
  );
  const seconds = (now.timeMs - (before?.timeMs ?? now.timeMs)) / 1_000;
  return now.instruments.map((each) => {
    const last = positions.get(`${each.exchange}:${each.symbol}`);
    const position = each.market?.position;
    const isTold = last !== undefined && position !== undefined && position >= last && seconds > 0;
    return { ...each, eventsPerSecond: isTold ? (position - last) / seconds : undefined };
  });
}

function draw({ screen, client }: WatchOptions, { timeMs, nodes }: Reading, rows: readonly Row[]): void {
  const count = (status: string): number => rows.filter(({ market }) => market?.status === status).length;
  const rate = rows.reduce((sum, { eventsPerSecond }) => sum + (eventsPerSecond ?? 0), 0);
  const head = [
    client.url,
    `${rows.length} instruments: ${count('live')} live, ${count('stale')} stale`,
    `${formatRate(rate)} events/s`,
    `${formatTime(timeMs).slice(11, 19)} UTC`,
    'q ends',
  ].join('   ');
  // Above the table: below a long one nobody would see them.
  const missing = tellMissing(nodes);
  const rowsMax = Math.max(1, (screen.height ?? Infinity) - 4 - missing.length);
  const left = rows.length - rowsMax;
  const table = formatTable(COLUMNS, rows.slice(0, rowsMax), { widthMax: screen.width });
  const rest = left > 0 ? [`… ${left} more; --exchange, --contains, --book and --status choose`] : [];
  drawLines(screen, [head, ...missing, '', ...table, ...rest]);
}

function drawLines(screen: Screen, lines: readonly string[]): void {
  const texts = lines.map((line) => `${toPrintable(line).slice(0, screen.width)}${CLEAR_LINE}`);
  screen.write(`${HOME}${texts.join('\r\n')}${CLEAR_BELOW}`);
}

function formatRate(eventsPerSecond: number | undefined): string {
  if (eventsPerSecond === undefined) return '-';
  return eventsPerSecond >= 10 ? String(Math.round(eventsPerSecond)) : eventsPerSecond.toFixed(1);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
