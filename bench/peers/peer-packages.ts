/**
 * The two packages that the exact core is measured against, as far as they are used here. They are no dependency of the product: they live in
 * a folder of their own, are loaded from there by name, and described by types of our own, so that nothing else needs them installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** npm runs scripts in the folder of the project. */
const FOLDER = join(process.cwd(), 'bench/peers');

export type PeerName = 'tardis-dev' | 'ccxt';

/** Installs what is missing or of another version than the lock says. */
export function installPeers(): void {
  const wanted = Object.entries(readManifest(join(FOLDER, 'package.json')).dependencies ?? {});
  if (wanted.every(([name, version]) => installedVersion(name) === version)) return;
  console.log(`Installing ${wanted.map(([name, version]) => `${name} ${version}`).join(', ')}`);
  const { status } = spawnSync('npm', ['ci'], { cwd: FOLDER, stdio: 'inherit' });
  if (status !== 0) throw new Error(`npm ci in bench/peers ended with ${status ?? 'a signal'}`);
}

export function installedVersion(name: string): string | undefined {
  const path = join(FOLDER, 'node_modules', name, 'package.json');
  return existsSync(path) ? readManifest(path).version : undefined;
}

type Manifest = { readonly version?: string; readonly dependencies?: Readonly<Record<string, string>> };

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}

export type TardisLevel = { readonly price: number; readonly amount: number };

export type TardisBookChange = {
  readonly type: 'book_change';
  readonly symbol: string;
  readonly exchange: string;
  readonly isSnapshot: boolean;
  readonly bids: readonly TardisLevel[];
  readonly asks: readonly TardisLevel[];
  readonly timestamp: Date;
  readonly localTimestamp: Date;
};

type TardisTrade = { readonly type: 'trade'; readonly symbol: string; readonly price: number };

export type TardisMapper = {
  canHandle(message: unknown): boolean;
  map(message: unknown, localTimestamp: Date): Iterable<TardisBookChange | TardisTrade> | undefined;
};

export type TardisBook = {
  update(change: TardisBookChange): void;
  bestBid(): TardisLevel | undefined;
  bestAsk(): TardisLevel | undefined;
  bids(): Iterable<TardisLevel>;
  asks(): Iterable<TardisLevel>;
};

export type Tardis = {
  readonly OrderBook: new () => TardisBook;
  readonly normalizeBookChanges: (exchange: string, localTimestamp: Date) => TardisMapper;
  readonly normalizeTrades: (exchange: string, localTimestamp: Date) => TardisMapper;
};

const requirePeer = createRequire(join(FOLDER, 'package.json'));

export function loadTardis(): Tardis {
  return requirePeer('tardis-dev') as Tardis;
}

/** Its public functions give the mapper of the 50 levels that it subscribes to; this is the same class for another depth. */
export function loadTardisBybitMapper(exchange: string, depth: number): TardisMapper {
  const { BybitV5BookChangeMapper } = requirePeer('tardis-dev/dist/mappers/bybit.js') as {
    readonly BybitV5BookChangeMapper: new (exchange: string, depth: number) => TardisMapper;
  };
  return new BybitV5BookChangeMapper(exchange, depth);
}

export type CcxtSide = {
  readonly length: number;
  readonly [index: number]: readonly [price: number, quantity: number];
  store(price: number, quantity: number): void;
};

export type CcxtBook = {
  readonly bids: CcxtSide;
  readonly asks: CcxtSide;
  reset(snapshot: { readonly bids: readonly number[][]; readonly asks: readonly number[][] }): void;
};

export type Ccxt = { readonly OrderBook: new () => CcxtBook };

/** The book that its exchanges keep behind `watchOrderBook`; the package names no way to it, and the file needs nothing else of it. */
export async function loadCcxt(): Promise<Ccxt> {
  const file = join(FOLDER, 'node_modules/ccxt/js/src/base/ws/OrderBook.js');
  return (await import(pathToFileURL(file).href)) as Ccxt;
}
