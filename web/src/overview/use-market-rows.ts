/** Keeps the rows of the overview: all of them from the REST every so often, those in sight from the stream. */
import { useEffect } from 'preact/hooks';
import { nodeLink } from '../node/node-link.ts';
import type { Publishing } from '../node/publishing.ts';
import { channelName } from '../node/publishing.ts';
import { readJson } from '../node/rest.ts';
import type { InstrumentsAnswer } from '../node/rest-documents.ts';
import { repeat } from '../node/use-answer.ts';
import { followChannel } from '../node/use-channel.ts';
import { Store } from '../state/store.ts';
import type { MarketRow } from './market-rows.ts';
import { rowsOf, withTicker } from './market-rows.ts';

const PAGE_ROWS = 1_000;
const LIST_EVERY_MS = 2_000;
/** While somebody scrolls, rows pass that nobody reads; and a node takes only so many requests of one client. */
const SETTLED_MS = 200;

export type MarketRows = {
  readonly byKey: ReadonlyMap<string, MarketRow>;
  /** Grows with each list that came; in between only what the rows say changes. */
  readonly listNumber: number;
  /** Who was asked for it, in a cluster. */
  readonly nodes: InstrumentsAnswer['nodes'];
};

/** It outlives the page, so that who comes back finds it as he left it. */
export const marketRows = new Store<MarketRows | undefined>(undefined);

export function useListedRows(): void {
  useEffect(() => repeat(readAll, LIST_EVERY_MS), []);
}

async function readAll(signal: AbortSignal): Promise<void> {
  const instruments: InstrumentsAnswer['instruments'][number][] = [];
  let timeMs = 0;
  let nodes: InstrumentsAnswer['nodes'];
  for (let total = Infinity; instruments.length < total;) {
    const query = `include=market&limit=${PAGE_ROWS}&offset=${instruments.length}`;
    const page = await readJson<InstrumentsAnswer>(`/v1/instruments?${query}`, signal);
    ({ timeMs, nodes } = page);
    instruments.push(...page.instruments);
    // Some may have been stopped between two pages.
    total = page.instruments.length === 0 ? 0 : page.total;
  }
  nodeLink.noteTime(timeMs);
  const before = marketRows.get();
  const byKey = rowsOf({ instruments, timeMs }, before?.byKey ?? new Map<string, MarketRow>());
  marketRows.set({ byKey, listNumber: (before?.listNumber ?? 0) + 1, nodes });
}

/** Follows the tickers of the rows in sight, once it is settled which these are. */
export function useTickersInSight(inSight: readonly MarketRow[], publishing: Publishing | undefined): void {
  const wanted =
    publishing === undefined ? [] : inSight.map((row) => `${channelName(publishing, row)} ${row.key}`);
  const asText = wanted.join('\n');
  useEffect(() => {
    const timer = setTimeout(() => followTickers(asText === '' ? [] : asText.split('\n')), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [asText]);
  useEffect(() => () => followTickers([]), []);
}

/** What ends the following of a ticker, by `<name in channels> <key of the row>`. */
const followed = new Map<string, () => void>();

function followTickers(wanted: readonly string[]): void {
  for (const [each, stop] of followed) {
    if (wanted.includes(each)) continue;
    stop();
    followed.delete(each);
  }
  for (const each of wanted) {
    if (followed.has(each)) continue;
    const [name, key] = each.split(' ') as [string, string];
    followed.set(each, followTicker(name, key));
  }
}

function followTicker(name: string, key: string): () => void {
  const replace = (change: (row: MarketRow) => MarketRow): void => {
    const rows = marketRows.get();
    const row = rows?.byKey.get(key);
    if (rows === undefined || row === undefined) return;
    // In place: a thousand rows are not copied for each that changed. Whoever looks sees another value and reads them again.
    (rows.byKey as Map<string, MarketRow>).set(key, change(row));
    marketRows.set({ ...rows });
  };
  return followChannel(`ticker:${name}`, {
    onDocument: (ticker) => replace((row) => withTicker(row, ticker)),
    onDoubt: (doubt) => replace((row) => ({ ...row, doubt })),
  });
}
