/**
 * The exchange actor: what one exchange lists, and which of its connections carries what. It spreads symbols over connections within the
 * exchange's limits; connections are its children and learn from it, at every start, what they have to watch.
 */
import type { BackoffPolicy } from '../base/backoff.ts';
import { backoffDelayMs } from '../base/backoff.ts';
import type { RandomSource, TimerHandle } from '../base/clock.ts';
import { TampinesError } from '../base/errors.ts';
import type {
  AdapterOptions,
  ConnectionKind,
  Endpoints,
  ExchangeAdapter,
  InstrumentListing,
} from '../exchanges/adapter.ts';
import type { InstrumentKey, NativeSymbol } from '../market/symbols.ts';
import { SYMBOL_NAME } from '../market/symbols.ts';
import type { RestartStrategy } from '../supervision/strategy.ts';
import type { ConnectionMessage, WatchRequest } from './connection.ts';
import { TICK_MS, connectionActor } from './connection.ts';
import type { ExchangeGate } from './exchange-gate.ts';
import type { FeedBudget } from './feed-budget.ts';
import type { HeartbeatPace } from './feed-routes.ts';
import type { ActorContext, ActorRef, ActorSpec } from './kernel/actor-types.ts';
import type { FeedTransport } from './feed-ports.ts';
import type { OperationsRecords } from './ports.ts';
import type { FeedMessage } from './symbol-protocol.ts';

export type SymbolResolution =
  | { readonly ok: true; readonly listing: InstrumentListing }
  | { readonly ok: false; readonly code: 'UNKNOWN_SYMBOL' | 'SERVICE_UNAVAILABLE'; readonly message: string };

export type ExchangeMessage =
  /** Looks a unified or native symbol up in the exchange's list; waits for the list while it is being fetched. */
  | {
      readonly type: 'ResolveSymbol';
      readonly symbol: string;
      readonly reply: (resolution: SymbolResolution) => void;
    }
  | { readonly type: 'ListSymbols'; readonly reply: (listings: readonly InstrumentListing[]) => void }
  | {
      readonly type: 'WatchInstrument';
      readonly instrument: InstrumentKey;
      readonly nativeSymbol: NativeSymbol;
      readonly target: ActorRef<FeedMessage>;
    }
  | { readonly type: 'UnwatchInstrument'; readonly nativeSymbol: NativeSymbol }
  | { readonly type: 'ResyncInstrument'; readonly nativeSymbol: NativeSymbol; readonly reason: string }
  | {
      readonly type: 'GetConnections';
      readonly reply: (connections: readonly ActorRef<ConnectionMessage>[]) => void;
    }
  | { readonly type: 'ListingsFetched'; readonly listings: readonly InstrumentListing[] }
  | { readonly type: 'ListingsFailed'; readonly reason: string }
  | { readonly type: 'FetchListings' };

export type ExchangeOptions = {
  readonly adapter: ExchangeAdapter;
  readonly endpoints: Endpoints;
  readonly adapterOptions: AdapterOptions;
  readonly transport: FeedTransport;
  readonly gate: ExchangeGate;
  readonly records: OperationsRecords;
  readonly random: RandomSource;
  readonly strategy: RestartStrategy;
  readonly connectionStrategy: RestartStrategy;
  readonly reconnect: BackoffPolicy;
  readonly heartbeats: HeartbeatPace;
  readonly budget: FeedBudget;
  /** Distinguishes this run of the node from earlier ones in the names of sources. */
  readonly runId: string;
};

const LISTINGS_TIMEOUT_MS = 20_000;
const LISTINGS_MAX_BYTES = 64 * 1024 * 1024;
/** Lists change with new listings; a symbol that is not found makes it fetch again at most this often. */
const LISTINGS_FRESH_MS = 60_000;
/** Questions that may wait for the list; more are refused at once. */
const WAITING_MAX = 1_000;
/** Of a period, between the ticks of one connection and the next: the golden section leaves no two of many close together. */
const TICK_OFFSET_PART = (Math.sqrt(5) - 1) / 2;

type WatchInstrument = Extract<ExchangeMessage, { type: 'WatchInstrument' }>;
/** What a connection watches is kept here, outside of its life, so that its next life can begin with it. */
type ConnectionSlot = {
  readonly kind: ConnectionKind;
  readonly ref: ActorRef<ConnectionMessage>;
  readonly watched: Map<NativeSymbol, WatchRequest>;
};

export function exchangeActor(options: ExchangeOptions): ActorSpec<ExchangeMessage, Exchange> {
  // Survives restarts of the actor: instruments that were asked for stay asked for.
  const watchedInstruments = new Map<NativeSymbol, WatchInstrument>();
  return {
    name: options.adapter.exchange,
    strategy: options.strategy,
    initialState: (context) => new Exchange(options, context, watchedInstruments),
    receive: (exchange, message) => {
      exchange.receive(message);
      return exchange;
    },
    onStarted: (exchange) => exchange.start(),
    stopChildren: 'together',
  };
}

class Exchange {
  readonly #options: ExchangeOptions;
  readonly #context: ActorContext<ExchangeMessage>;
  readonly #watchedInstruments: Map<NativeSymbol, WatchInstrument>;
  readonly #slots: ConnectionSlot[] = [];
  #listings = new Map<string, InstrumentListing>();
  #listingsAtMs: number | undefined;
  #isFetching = false;
  #failuresInRow = 0;
  /** At most one, however often the list was asked for meanwhile. */
  #retry: TimerHandle | undefined;
  #waiting: Extract<ExchangeMessage, { type: 'ResolveSymbol' }>[] = [];

  constructor(
    options: ExchangeOptions,
    context: ActorContext<ExchangeMessage>,
    watchedInstruments: Map<NativeSymbol, WatchInstrument>,
  ) {
    this.#options = options;
    this.#context = context;
    this.#watchedInstruments = watchedInstruments;
  }

  start(): void {
    if (this.#watchedInstruments.size > 0) this.#fetchListings();
    for (const request of this.#watchedInstruments.values()) this.#allocate(request);
  }

  receive(message: ExchangeMessage): void {
    switch (message.type) {
      case 'ResolveSymbol':
        this.#resolve(message);
        return;
      case 'ListSymbols':
        message.reply([...new Set(this.#listings.values())]);
        return;
      case 'WatchInstrument':
        this.#watchedInstruments.set(message.nativeSymbol, message);
        this.#allocate(message);
        if (this.#listingsAtMs === undefined) this.#fetchListings();
        return;
      case 'UnwatchInstrument':
        this.#watchedInstruments.delete(message.nativeSymbol);
        for (const slot of this.#slotsOf(message.nativeSymbol)) {
          slot.watched.delete(message.nativeSymbol);
          this.#context.send(slot.ref, { type: 'Unwatch', nativeSymbol: message.nativeSymbol });
        }
        return;
      case 'ResyncInstrument':
        for (const slot of this.#slotsOf(message.nativeSymbol)) {
          if (slot.kind.channels.includes('book')) {
            this.#context.send(slot.ref, {
              type: 'Resync',
              nativeSymbol: message.nativeSymbol,
              reason: message.reason,
            });
          }
        }
        return;
      case 'GetConnections':
        message.reply(this.#slots.map((slot) => slot.ref));
        return;
      case 'FetchListings':
        this.#fetchListings();
        return;
      case 'ListingsFetched':
        this.#listingsFetched(message.listings);
        return;
      case 'ListingsFailed':
        this.#listingsFailed(message.reason);
        return;
      default:
        message satisfies never;
    }
  }

  #slotsOf(nativeSymbol: NativeSymbol): ConnectionSlot[] {
    return this.#slots.filter((slot) => slot.watched.has(nativeSymbol));
  }

  /** Gives the symbol to one connection of each kind that the exchange needs. */
  #allocate(request: WatchInstrument): void {
    const { instrument, nativeSymbol, target } = request;
    const listing = this.#listings.get(nativeSymbol);
    for (const kind of this.#options.adapter.connectionKinds) {
      const slot = this.#slotFor(kind, nativeSymbol);
      const watch: WatchRequest = {
        type: 'Watch',
        nativeSymbol,
        channels: kind.channels,
        instrument,
        target,
        metadata:
          listing === undefined ? undefined : { tickSize: listing.tickSize, lotSize: listing.lotSize },
      };
      slot.watched.set(nativeSymbol, watch);
      this.#context.send(slot.ref, watch);
    }
  }

  #slotFor(kind: ConnectionKind, nativeSymbol: NativeSymbol): ConnectionSlot {
    const { limits } = this.#options.adapter;
    const ofKind = this.#slots.filter((slot) => slot.kind === kind);
    return (
      ofKind.find((slot) => slot.watched.has(nativeSymbol)) ??
      ofKind.find((slot) => slot.watched.size < limits.maxSymbolsPerConnection) ??
      this.#openSlot(kind, ofKind.length + 1)
    );
  }

  #openSlot(kind: ConnectionKind, number: number): ConnectionSlot {
    const { adapter, endpoints, adapterOptions, transport, gate, records, random } = this.#options;
    const { connectionStrategy, reconnect, heartbeats, budget, runId } = this.#options;
    const watched = new Map<NativeSymbol, WatchRequest>();
    const name = `${kind.name}-${number}`;
    const ref = this.#context.spawn(
      connectionActor({
        adapter,
        kind,
        name,
        firstTickMs: firstTickMs(this.#slots.length + 1),
        endpoints,
        adapterOptions,
        transport,
        gate,
        records,
        random,
        reconnect,
        budget,
        strategy: connectionStrategy,
        source: `${adapter.exchange}/${name}@${runId}.${this.#context.incarnation}`,
        // One connection of a symbol tells it the time; books need no clock.
        heartbeats: kind.channels.includes('trades') ? heartbeats : undefined,
        isRecording: false,
        watched: () => watched.values(),
      }),
    );
    const slot = { kind, ref, watched };
    this.#slots.push(slot);
    return slot;
  }

  #resolve(message: Extract<ExchangeMessage, { type: 'ResolveSymbol' }>): void {
    const listing = this.#listings.get(message.symbol);
    if (listing !== undefined) {
      message.reply({ ok: true, listing });
      return;
    }
    const nowMs = this.#context.clock.monotonicMs();
    const isFresh = this.#listingsAtMs !== undefined && nowMs - this.#listingsAtMs < LISTINGS_FRESH_MS;
    if (isFresh) message.reply(this.#unknown(message.symbol));
    else if (this.#waiting.length >= WAITING_MAX) {
      message.reply(this.#unavailable(`${WAITING_MAX} other requests wait for it already, try again later`));
    } else {
      this.#waiting.push(message);
      this.#fetchListings();
    }
  }

  #unknown(symbol: string): SymbolResolution {
    const { exchange } = this.#options.adapter;
    return {
      ok: false,
      code: 'UNKNOWN_SYMBOL',
      message: `${exchange} lists no symbol '${symbol}'; ask GET /v1/exchanges/${exchange}/symbols for those it lists`,
    };
  }

  #unavailable(cause: string): SymbolResolution {
    const { exchange } = this.#options.adapter;
    const message = `The instrument list of ${exchange} could not be fetched: ${cause}`;
    return { ok: false, code: 'SERVICE_UNAVAILABLE', message };
  }

  #fetchListings(): void {
    if (this.#isFetching) return;
    this.#retry?.cancel();
    this.#isFetching = true;
    const { self } = this.#context;
    this.#readListings().then(
      (listings) => this.#context.send(self, { type: 'ListingsFetched', listings }),
      (error: unknown) =>
        this.#context.send(self, {
          type: 'ListingsFailed',
          reason: error instanceof Error ? error.message : String(error),
        }),
    );
  }

  async #readListings(): Promise<readonly InstrumentListing[]> {
    const { adapter, endpoints, gate } = this.#options;
    const listings: InstrumentListing[] = [];
    for (const request of adapter.instrumentsRequests(endpoints)) {
      const answer = await gate.request(request, {
        timeoutMs: LISTINGS_TIMEOUT_MS,
        bodyMaxBytes: LISTINGS_MAX_BYTES,
      });
      const reading = adapter.readInstruments(answer.body);
      if (!reading.ok) {
        const message = `${adapter.exchange} answered its instrument list with HTTP ${answer.status}: ${reading.reason}`;
        throw new TampinesError('FEED_REQUEST', message, { isRetryable: true });
      }
      listings.push(...reading.listings);
    }
    return listings;
  }

  #listingsFetched(fetched: readonly InstrumentListing[]): void {
    this.#isFetching = false;
    this.#failuresInRow = 0;
    this.#listingsAtMs = this.#context.clock.monotonicMs();
    this.#listings = new Map();
    const listings = fetched.filter(
      (each) => SYMBOL_NAME.test(each.symbol) && SYMBOL_NAME.test(each.nativeSymbol),
    );
    for (const listing of listings) this.#listings.set(listing.symbol, listing);
    // Where both names exist the native one names exactly one symbol, so it wins.
    for (const listing of listings) this.#listings.set(listing.nativeSymbol, listing);
    this.#context.log.info(
      {
        exchange: this.#options.adapter.exchange,
        symbols: listings.length,
        unusableNames: fetched.length - listings.length,
      },
      'instrument list fetched',
    );
    this.#describeWatched();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) {
      const listing = this.#listings.get(message.symbol);
      message.reply(listing === undefined ? this.#unknown(message.symbol) : { ok: true, listing });
    }
  }

  /** Instruments that were watched before the list came learn their tick and lot size now. */
  #describeWatched(): void {
    for (const slot of this.#slots) {
      for (const [nativeSymbol, watch] of slot.watched) {
        const listing = this.#listings.get(nativeSymbol);
        if (watch.metadata !== undefined || listing === undefined) continue;
        const metadata = { tickSize: listing.tickSize, lotSize: listing.lotSize };
        slot.watched.set(nativeSymbol, { ...watch, metadata });
        this.#context.send(slot.ref, { type: 'Describe', nativeSymbol, metadata });
      }
    }
  }

  #listingsFailed(reason: string): void {
    this.#isFetching = false;
    const { exchange } = this.#options.adapter;
    const delayMs = backoffDelayMs(this.#options.reconnect, this.#failuresInRow++, this.#options.random);
    this.#context.log.warn(
      { exchange, cause: reason, attempt: this.#failuresInRow, delayMs },
      'instrument list could not be fetched, will try again',
    );
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) message.reply(this.#unavailable(reason));
    this.#retry = this.#context.timers.after(delayMs, () =>
      this.#context.send(this.#context.self, { type: 'FetchListings' }),
    );
  }
}

/**
 * Returns when the connection of this number of its exchange, from 1 on, ticks first, after its start. Spreads what they do with their ticks, which is to tell quiet
 * instruments the time: all at once they held up the node, and what it publishes came in bursts.
 */
export function firstTickMs(number: number): number {
  return Math.ceil(TICK_MS * (1 - ((TICK_OFFSET_PART * (number - 1)) % 1)));
}
