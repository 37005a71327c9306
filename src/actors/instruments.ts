/**
 * The instruments of this node: which are wanted, which run, and how to start, stop and look at each. The wanted set is kept in the catalog
 * and survives restarts. Changes of one instrument are carried out one after the other; different ones do not wait for each other.
 */
import type { Log } from '../base/log.ts';
import { TampinesError } from '../base/errors.ts';
import type { ExchangeId, InstrumentKey } from '../market/symbols.ts';
import { toInstrumentKey } from '../market/symbols.ts';
import type { InstrumentListing } from '../exchanges/adapter.ts';
import { hasSameSettings } from './instrument-settings.ts';
import type { ExchangePulse } from './instrument-pulse.ts';
import { PulseReadings } from './instrument-pulse.ts';
import type { SavepointOutcome } from './checkpoints.ts';
import type {
  ChangeCondition,
  InstrumentStatus,
  RunningSymbol,
  StartedInstrument,
} from './running-instrument.ts';
import { describeStatus } from './running-instrument.ts';
import type { RestoreOutcome } from './savepoint-restore.ts';
import type { ConnectionMessage } from './connection.ts';
import type { ConnectionStatus } from './connection-status.ts';
import type { ExchangeMessage, SymbolResolution } from './exchange.ts';
import type { ActorRef } from './kernel/actor-types.ts';
import type { ActorSystem } from './kernel/actor-system.ts';
import type { DesiredInstrument, InstrumentCatalog, InstrumentSettings } from './ports.ts';
import type { PublishSchedule } from './publish-schedule.ts';
import type { StaleWatch } from './stale-watch.ts';
import type { SymbolMessage, SymbolView } from './symbol-protocol.ts';

export type InstrumentsOptions = {
  readonly system: ActorSystem;
  readonly catalog: InstrumentCatalog;
  readonly exchanges: ReadonlyMap<string, ActorRef<ExchangeMessage>>;
  readonly schedule: PublishSchedule;
  readonly staleWatch?: StaleWatch | undefined;
  readonly log: Log;
  readonly placement: Placement;
};

/** Which of the wanted instruments run here, and who feeds them. */
export type Placement =
  /** All, each fed by connections of this node. */
  | { readonly kind: 'here'; readonly spawnSymbol: (instrument: DesiredInstrument) => RunningSymbol }
  /** Those of its shards, which start and end them; the log feeds them. */
  | {
      readonly kind: 'shared';
      readonly isWanted: (key: InstrumentKey) => boolean;
      /** The wanted set was changed here. */
      readonly onChanged: () => void;
      /** The instrument, where a connection of this node feeds its log. */
      readonly findFed: (key: InstrumentKey) => DesiredInstrument | undefined;
    };

const RESOLVE_TIMEOUT_MS = 30_000;
const VIEW_TIMEOUT_MS = 5_000;
const SAVEPOINT_TIMEOUT_MS = 20_000;
/** As long as an actor may be at one message. */
const RESTORE_TIMEOUT_MS = 60_000;

export class Instruments {
  readonly #options: InstrumentsOptions;
  readonly #running = new Map<InstrumentKey, StartedInstrument>();
  readonly #changes = new Map<string, Promise<unknown>>();
  readonly #readings = new PulseReadings();
  #startCount = 0;

  constructor(options: InstrumentsOptions) {
    this.#options = options;
  }

  /** Starts everything that the catalog wants; resolves when all actors are spawned (they recover by themselves). */
  async start(): Promise<void> {
    for (const instrument of await this.#options.catalog.list()) {
      if (this.#options.exchanges.has(instrument.exchange)) this.#place(instrument);
      else
        this.#options.log.warn(
          { instrument: instrument.instrument },
          'no adapter for a wanted instrument, it stays stopped',
        );
    }
  }

  list(): InstrumentStatus[] {
    const nodes = new Map(this.#options.system.tree().map((node) => [node.path, node]));
    return Array.from(this.#running.values(), (running) =>
      describeStatus(running, nodes.get(running.symbol.ref.path)),
    );
  }

  keys(): InstrumentKey[] {
    return [...this.#running.keys()];
  }

  has(key: InstrumentKey): boolean {
    return this.#running.has(key);
  }

  /** The running instrument of this key or, where the text is digits, of this number; `undefined` where there is none. */
  find(name: string): DesiredInstrument | undefined {
    if (!/^\d+$/.test(name)) return this.#running.get(name as InstrumentKey)?.instrument;
    for (const { instrument } of this.#running.values()) {
      if (String(instrument.instrumentId) === name) return instrument;
    }
    return undefined;
  }

  /**
   * Adds an instrument to the wanted set and starts it. `symbol` is unified or the exchange's own.
   * @throws TampinesError `UNKNOWN_EXCHANGE` · `UNKNOWN_SYMBOL` · `INSTRUMENT_EXISTS` · `SERVICE_UNAVAILABLE`
   */
  async spawn(exchange: string, symbol: string): Promise<DesiredInstrument> {
    const resolution = await this.#options.system.ask<ExchangeMessage, SymbolResolution>(
      this.#exchange(exchange),
      (reply) => ({ type: 'ResolveSymbol', symbol, reply }),
      RESOLVE_TIMEOUT_MS,
    );
    if (!resolution.ok) {
      throw new TampinesError(resolution.code, resolution.message, { fields: { exchange, symbol } });
    }
    const { listing } = resolution;
    const key = toInstrumentKey(exchange as ExchangeId, listing.symbol);
    return this.#inTurn(key, async () => {
      if (this.#isWanted(key)) {
        throw new TampinesError('INSTRUMENT_EXISTS', `${key} is already running`, {
          fields: { instrument: key },
        });
      }
      const instrument = await this.#options.catalog.add({
        instrument: key,
        exchange: exchange as ExchangeId,
        symbol: listing.symbol,
        nativeSymbol: listing.nativeSymbol,
      });
      this.#place(instrument);
      return instrument;
    });
  }

  /**
   * Takes the instrument out of the wanted set; its actor drains, checkpoints and ends.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `CHANGED_MEANWHILE`
   */
  async stop(key: InstrumentKey, condition?: ChangeCondition): Promise<void> {
    await this.#inTurn(key, async () => {
      this.#require(key, condition);
      const { instrument, symbol } = this.#get(key);
      // The one step that may fail comes first: until then nothing has changed, and it can be asked for again.
      await this.#options.catalog.remove(key);
      const { placement } = this.#options;
      if (placement.kind === 'shared') {
        placement.onChanged();
        return;
      }
      this.#options.system.send(this.#exchange(instrument.exchange), {
        type: 'UnwatchInstrument',
        nativeSymbol: instrument.nativeSymbol,
      });
      await this.end(key);
      symbol.expirePublications();
    });
  }

  /**
   * Replaces what is wanted otherwise for this instrument; it counts from the next publication on.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `CHANGED_MEANWHILE`
   */
  async configure(
    key: InstrumentKey,
    settings: InstrumentSettings,
    condition?: ChangeCondition,
  ): Promise<void> {
    await this.#inTurn(key, async () => {
      this.#require(key, condition);
      await this.#options.catalog.configure(key, settings);
      this.applySettings(key, settings);
      if (this.#options.placement.kind === 'shared') this.#options.placement.onChanged();
    });
  }

  /** Nothing where it does not run here, or has these already. */
  applySettings(key: InstrumentKey, settings: InstrumentSettings | undefined): void {
    const running = this.#running.get(key);
    if (running === undefined || hasSameSettings(running.instrument.settings, settings)) return;
    const { symbol } = running;
    this.#running.set(key, { ...running, instrument: { ...running.instrument, settings } });
    symbol.setBookDepth(settings?.bookDepth);
    this.#options.schedule.add({ ...symbol.scheduled, intervals: settings });
  }

  /** Counts an instrument whose actor was started among those that run here. */
  run(instrument: DesiredInstrument, symbol: RunningSymbol): void {
    this.#running.set(instrument.instrument, { instrument, symbol, startNumber: ++this.#startCount });
    this.#options.schedule.add(symbol.scheduled);
    this.#options.staleWatch?.add(symbol);
  }

  /** Ends the actor of an instrument; what it published stays. Nothing where it does not run here. */
  async end(key: InstrumentKey): Promise<void> {
    const running = this.#running.get(key);
    if (running === undefined) return;
    const { ref } = running.symbol;
    this.#options.schedule.remove(key);
    this.#options.staleWatch?.remove(ref.path);
    this.#running.delete(key);
    await this.#options.system.stop(ref);
    this.#readings.noteEnded(running.instrument.exchange, running.symbol.pulse);
  }

  /** By exchange, over all that run or ran here since the process began. */
  readPulses(): ReadonlyMap<string, ExchangePulse> {
    const running = Array.from(this.#running.values(), ({ instrument, symbol }) => ({
      exchange: instrument.exchange,
      pulse: symbol.pulse,
    }));
    return this.#readings.read(running);
  }

  /**
   * Ends the actor's life and begins a new one from its log; a parked one starts again.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `CHANGED_MEANWHILE`
   */
  async restart(key: InstrumentKey, reason: string, condition?: ChangeCondition): Promise<void> {
    this.#get(key);
    // In turn: a stop that is under way is not to find its actor begun anew.
    await this.#inTurn(key, async () => {
      this.#require(key, condition);
      const { system } = this.#options;
      const { ref } = this.#get(key).symbol;
      if (system.node(ref)?.status === 'parked') system.unpark(ref);
      else await system.restart(ref, reason);
    });
  }

  /**
   * Ends the actor's life until it is restarted; its book is stale meanwhile, and it stays wanted. One that is parked stays so.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `CHANGED_MEANWHILE`
   */
  async park(key: InstrumentKey, reason: string, condition?: ChangeCondition): Promise<void> {
    this.#get(key);
    await this.#inTurn(key, async () => {
      this.#require(key, condition);
      await this.#options.system.park(this.#get(key).symbol.ref, reason);
    });
  }

  /** Asks the exchange for a fresh book. @throws TampinesError `INSTRUMENT_UNKNOWN` */
  resync(key: InstrumentKey, reason: string): void {
    const { placement } = this.#options;
    const fed = placement.kind === 'shared' ? placement.findFed(key) : this.#get(key).instrument;
    if (fed === undefined) throw notHere(key, 'its exchange is connected to another node');
    this.#options.system.send(this.#exchange(fed.exchange), {
      type: 'ResyncInstrument',
      nativeSymbol: fed.nativeSymbol,
      reason,
    });
  }

  /**
   * Saves the state of an instrument so that it is kept until it is deleted; returns where in its log.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `SAVEPOINTS_FULL` · `ACTOR_UNAVAILABLE` · `ASK_TIMEOUT`
   */
  async takeSavepoint(key: InstrumentKey): Promise<{ batchNumber: number; position: number }> {
    const outcome = await this.#options.system.ask<SymbolMessage, SavepointOutcome>(
      this.#get(key).symbol.ref,
      (reply) => ({ type: 'TakeSavepoint', reply }),
      SAVEPOINT_TIMEOUT_MS,
    );
    if (!outcome.ok) throw outcome.refusal;
    return { batchNumber: outcome.batchNumber, position: outcome.position };
  }

  /**
   * Takes an instrument back to one of its savepoints: ticker and candles as they were then, with all trades stored since. Its book stays as it is.
   * Returns where in its log the new state is saved, and how many trades were read.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `SAVEPOINT_UNKNOWN` · `SAVEPOINT_NEWEST` · `ACTOR_UNAVAILABLE` · `ASK_TIMEOUT`
   */
  async restoreSavepoint(
    key: InstrumentKey,
    batchNumber: number,
  ): Promise<Omit<Extract<RestoreOutcome, { ok: true }>, 'ok'>> {
    const outcome = await this.#options.system.ask<SymbolMessage, RestoreOutcome>(
      this.#get(key).symbol.ref,
      (reply) => ({ type: 'RestoreSavepoint', batchNumber, reply }),
      RESTORE_TIMEOUT_MS,
    );
    if (!outcome.ok) throw outcome.refusal;
    const { position, tradeCount } = outcome;
    return { batchNumber: outcome.batchNumber, position, tradeCount };
  }

  /**
   * Returns what `read` makes of the instrument's state, which it must neither keep nor change.
   * @throws TampinesError `INSTRUMENT_UNKNOWN` · `ACTOR_UNAVAILABLE` · `ASK_TIMEOUT`
   */
  async view<Result>(
    key: InstrumentKey,
    read: (view: SymbolView, instrument: DesiredInstrument) => Result,
  ): Promise<Result> {
    const { instrument, symbol } = this.#get(key);
    return this.#options.system.ask<SymbolMessage, Result>(
      symbol.ref,
      (reply) => ({
        type: 'GetView',
        read: (view) => {
          reply(read(view, instrument));
        },
      }),
      VIEW_TIMEOUT_MS,
    );
  }

  /** Fault switch for drills: the instrument's next delivery fails its actor. */
  failNextDelivery(key: InstrumentKey, message: string): void {
    this.#options.system.send(this.#get(key).symbol.ref, { type: 'FailNextDelivery', message });
  }

  /** @throws TampinesError `UNKNOWN_EXCHANGE` */
  async listSymbols(exchange: string): Promise<readonly InstrumentListing[]> {
    return this.#options.system.ask<ExchangeMessage, readonly InstrumentListing[]>(
      this.#exchange(exchange),
      (reply) => ({ type: 'ListSymbols', reply }),
      VIEW_TIMEOUT_MS,
    );
  }

  /** @throws TampinesError `UNKNOWN_EXCHANGE` */
  async connections(exchange: string): Promise<ConnectionStatus[]> {
    const { system } = this.#options;
    const refs = await system.ask<ExchangeMessage, readonly ActorRef<ConnectionMessage>[]>(
      this.#exchange(exchange),
      (reply) => ({ type: 'GetConnections', reply }),
      VIEW_TIMEOUT_MS,
    );
    return Promise.all(
      refs.map((ref) =>
        system.ask<ConnectionMessage, ConnectionStatus>(
          ref,
          (reply) => ({ type: 'GetStatus', reply }),
          VIEW_TIMEOUT_MS,
        ),
      ),
    );
  }

  /** Subscribers lost what was published (Redis came back empty, or with older values): all instruments publish again. */
  publishAgain(): void {
    for (const { symbol } of this.#running.values()) symbol.publishAgain();
  }

  /** Marks all published books stale, until their instruments publish again. */
  markStale(reason: string): void {
    for (const { symbol } of this.#running.values()) symbol.markStale(reason);
  }

  /** Sees to it that a wanted instrument runs, here or elsewhere. */
  #place(instrument: DesiredInstrument): void {
    const { placement } = this.#options;
    if (placement.kind === 'shared') {
      placement.onChanged();
      return;
    }
    const symbol = placement.spawnSymbol(instrument);
    this.run(instrument, symbol);
    this.#options.system.send(this.#exchange(instrument.exchange), {
      type: 'WatchInstrument',
      instrument: instrument.instrument,
      nativeSymbol: instrument.nativeSymbol,
      target: symbol.ref,
    });
  }

  #isWanted(key: InstrumentKey): boolean {
    const { placement } = this.#options;
    return this.#running.has(key) || (placement.kind === 'shared' && placement.isWanted(key));
  }

  #get(key: InstrumentKey): StartedInstrument {
    const running = this.#running.get(key);
    if (running === undefined) throw notHere(key, 'spawn it with POST /v1/instruments');
    return running;
  }

  #require(key: InstrumentKey, condition: ChangeCondition | undefined): void {
    const running = this.#get(key);
    const status = describeStatus(running, this.#options.system.node(running.symbol.ref));
    if (condition === undefined || condition(status)) return;
    const message = `${key} was not changed: it is another run of it by now (${status.actorStatus}, life ${status.incarnation})`;
    throw new TampinesError('CHANGED_MEANWHILE', message, { fields: { instrument: key } });
  }

  #exchange(exchange: string): ActorRef<ExchangeMessage> {
    const ref = this.#options.exchanges.get(exchange);
    if (ref === undefined) {
      const known = [...this.#options.exchanges.keys()].join(', ');
      throw new TampinesError(
        'UNKNOWN_EXCHANGE',
        `There is no exchange '${exchange}'; known ones: ${known}`,
        { fields: { exchange } },
      );
    }
    return ref;
  }

  #inTurn<Result>(key: string, change: () => Promise<Result>): Promise<Result> {
    const before = this.#changes.get(key) ?? Promise.resolve();
    const turn = before.then(change, change);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#changes.set(key, settled);
    void settled.then(() => {
      if (this.#changes.get(key) === settled) this.#changes.delete(key);
    });
    return turn;
  }
}

function notHere(key: InstrumentKey, advice: string): TampinesError {
  const message = `${key} is not running here; ${advice}`;
  return new TampinesError('INSTRUMENT_UNKNOWN', message, { fields: { instrument: key } });
}
