/**
 * What this node feeds: of the wanted instruments those whose part of their exchange it holds the lease of, or waits for. For each a relay writes to the log
 * what the exchange's connections deliver, from the moment that the lease is held.
 */
import type { Timers } from '../../base/clock.ts';
import { shardOf } from '../../market/shards.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import type { KnownTrades } from '../../market/instrument-state.ts';
import type { ConnectionStatus } from '../connection-status.ts';
import type { ExchangeMessage } from '../exchange.ts';
import type { ActorRef, AnyActorRef } from '../kernel/actor-types.ts';
import type { ActorSystem } from '../kernel/actor-system.ts';
import type { DesiredInstrument } from '../ports.ts';
import type { LogOutlet } from './log-outlet.ts';
import type { RelayMessage } from './relay.ts';
import { relayActor } from './relay.ts';

/** The instruments of an exchange that are fed by one node, and which of their feeds it is. */
export type IngestPart = { readonly exchange: string; readonly slot: number; readonly replica: number };

export type IngestOptions = {
  readonly system: ActorSystem;
  /** Parent of the relays. */
  readonly group: AnyActorRef;
  readonly exchanges: ReadonlyMap<string, ActorRef<ExchangeMessage>>;
  readonly outlet: LogOutlet;
  /** Parts of each exchange. */
  readonly slots: number;
  /** Asked right before each write. */
  readonly isHeld: (part: IngestPart) => boolean;
  readonly readKnownTrades: (instrument: InstrumentKey) => Promise<KnownTrades | undefined>;
  /** How the connections of an exchange stand. */
  readonly readConnections: (
    exchange: string,
  ) => Promise<readonly Pick<ConnectionStatus, 'state' | 'subscriptions' | 'unsynced'>[]>;
  readonly timers: Timers;
};

type HeldPart = IngestPart & { readonly epoch: number };
/** Under a lease from the moment that it has an epoch; before, its feeds are open and write nothing. */
type Part = IngestPart & { epoch: number | undefined };
type Fed = {
  readonly instrument: DesiredInstrument;
  readonly part: Part;
  readonly relay: ActorRef<RelayMessage>;
};

/** Between two looks whether books are sure. */
const READY_LOOK_MS = 100;

export class Ingest {
  readonly #options: IngestOptions;
  readonly #fed = new Map<InstrumentKey, Fed>();
  /** Relays that are being stopped: their path is not free before. */
  readonly #stopping = new Map<InstrumentKey, Promise<void>>();
  /** What this node feeds, or is about to, of each part one replica. */
  readonly #parts = new Map<string, Part>();
  /** By part, those of exchanges that this node knows. */
  readonly #wanted = new Map<string, DesiredInstrument[]>();
  /** How the connections of an exchange stand, asked a moment ago. */
  readonly #standings = new Map<string, ReturnType<IngestOptions['readConnections']>>();
  #isOver = false;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  get fedCount(): number {
    let count = 0;
    for (const { part } of this.#fed.values()) if (part.epoch !== undefined) count++;
    return count;
  }

  /** The instrument, where this node feeds it. */
  find(key: InstrumentKey): DesiredInstrument | undefined {
    return this.#fedUnderLease(key)?.instrument;
  }

  /** Which of the feeds of the instrument is this node's; `undefined` where none is. */
  replicaOf(key: InstrumentKey): number | undefined {
    return this.#fedUnderLease(key)?.part.replica;
  }

  #fedUnderLease(key: InstrumentKey): Fed | undefined {
    const fed = this.#fed.get(key);
    return fed?.part.epoch === undefined ? undefined : fed;
  }

  /** The wanted instruments of all nodes. */
  follow(wanted: readonly DesiredInstrument[]): void {
    this.#wanted.clear();
    for (const instrument of wanted) {
      if (!this.#options.exchanges.has(instrument.exchange)) continue;
      const name = nameOf(this.#partOf(instrument));
      const ofPart = this.#wanted.get(name);
      if (ofPart === undefined) this.#wanted.set(name, [instrument]);
      else ofPart.push(instrument);
    }
    this.#reconcile();
  }

  /** Opens the feeds of a part that another node still feeds; they write nothing. Resolves when their books are sure, or nobody waits for them any more. */
  async prepare(part: IngestPart): Promise<void> {
    const prepared: Part = { ...part, epoch: undefined };
    const name = nameOf(part);
    if (this.#parts.has(name)) return;
    this.#parts.set(name, prepared);
    this.#reconcile();
    while (!this.#isOver && this.#parts.get(name) === prepared && prepared.epoch === undefined) {
      if (await this.#areBooksSure(prepared)) return;
      await this.#options.timers.sleep(READY_LOOK_MS);
    }
  }

  /** Feeds the part from now on; what was prepared of it is written at once. */
  gained(part: HeldPart): void {
    const prepared = this.#parts.get(nameOf(part));
    if (prepared?.epoch === undefined && prepared?.replica === part.replica) {
      prepared.epoch = part.epoch;
      for (const fed of this.#fed.values()) {
        if (fed.part === prepared) this.#options.system.send(fed.relay, { type: 'RoomAgain' });
      }
    } else this.#parts.set(nameOf(part), { ...part });
    this.#reconcile();
  }

  /** Resolves when its feeds are closed and, where this node still may, have said so. */
  async lost(part: IngestPart): Promise<void> {
    const name = nameOf(part);
    if (this.#parts.get(name)?.replica === part.replica) this.#parts.delete(name);
    this.#reconcile();
    await Promise.all(this.#stopping.values());
  }

  /** Feeds nothing any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#reconcile();
    await Promise.all(this.#stopping.values());
  }

  #reconcile(): void {
    const own = new Map<InstrumentKey, DesiredInstrument>();
    for (const name of this.#isOver ? [] : this.#parts.keys()) {
      for (const instrument of this.#wanted.get(name) ?? []) own.set(instrument.instrument, instrument);
    }
    for (const [key, fed] of this.#fed) if (!own.has(key)) this.#end(key, fed);
    for (const [key, instrument] of own) {
      if (!this.#fed.has(key) && !this.#stopping.has(key)) this.#begin(instrument);
    }
  }

  #begin(instrument: DesiredInstrument): void {
    const { system, group, outlet, readKnownTrades } = this.#options;
    const part = this.#parts.get(nameOf(this.#partOf(instrument)))!;
    const relay = system.spawn(
      group,
      relayActor({
        instrument,
        outlet,
        lease: () => this.#leaseOf(part),
        readKnownTrades: () => readKnownTrades(instrument.instrument),
      }),
    );
    this.#fed.set(instrument.instrument, { instrument, part, relay });
    system.send(this.#exchange(instrument), {
      type: 'WatchInstrument',
      instrument: instrument.instrument,
      nativeSymbol: instrument.nativeSymbol,
      target: relay,
    });
  }

  #end(key: InstrumentKey, { instrument, relay }: Fed): void {
    const { system } = this.#options;
    this.#fed.delete(key);
    system.send(this.#exchange(instrument), {
      type: 'UnwatchInstrument',
      nativeSymbol: instrument.nativeSymbol,
    });
    const stopped = system.stop(relay).then(() => {
      this.#stopping.delete(key);
      this.#reconcile();
    });
    this.#stopping.set(key, stopped);
  }

  #leaseOf(part: Part): HeldPart | undefined {
    return isUnderLease(part) && this.#options.isHeld(part) ? part : undefined;
  }

  async #areBooksSure(part: Part): Promise<boolean> {
    // Its actor may be between two lives.
    const connections = await this.#standingOf(part.exchange).catch(() => []);
    const subscribed = new Set<string>(connections.flatMap(({ subscriptions }) => subscriptions));
    const unsure = new Set<string>(
      connections.flatMap(({ state, subscriptions, unsynced }) =>
        state === 'open' ? unsynced : subscriptions,
      ),
    );
    return (this.#wanted.get(nameOf(part)) ?? []).every(
      ({ instrument, nativeSymbol }) =>
        this.#fed.get(instrument)?.part === part && subscribed.has(nativeSymbol) && !unsure.has(nativeSymbol),
    );
  }

  /** Asked once for all parts of an exchange that are looked at in the same moment. */
  #standingOf(exchange: string): ReturnType<IngestOptions['readConnections']> {
    const known = this.#standings.get(exchange);
    if (known !== undefined) return known;
    const standing = this.#options.readConnections(exchange);
    this.#standings.set(exchange, standing);
    this.#options.timers.after(READY_LOOK_MS / 2, () => this.#standings.delete(exchange));
    return standing;
  }

  #partOf({ exchange, instrument }: DesiredInstrument): Omit<IngestPart, 'replica'> {
    return { exchange, slot: shardOf(instrument, this.#options.slots) };
  }

  #exchange({ exchange }: DesiredInstrument): ActorRef<ExchangeMessage> {
    return this.#options.exchanges.get(exchange)!;
  }
}

function isUnderLease(part: Part): part is Part & HeldPart {
  return part.epoch !== undefined;
}

function nameOf({ exchange, slot }: Omit<IngestPart, 'replica'>): string {
  return `${exchange}/${slot}`;
}
