/**
 * What this node feeds: of the wanted instruments those whose part of their exchange it holds the lease of. For each a relay writes to the log what the
 * exchange's connections deliver.
 */
import { shardOf } from '../../market/shards.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import type { KnownTrades } from '../../market/instrument-state.ts';
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
};

type Fed = {
  readonly instrument: DesiredInstrument;
  readonly replica: number;
  readonly relay: ActorRef<RelayMessage>;
};
type HeldPart = IngestPart & { readonly epoch: number };

export class Ingest {
  readonly #options: IngestOptions;
  readonly #fed = new Map<InstrumentKey, Fed>();
  /** Relays that are being stopped: their path is not free before. */
  readonly #stopping = new Map<InstrumentKey, Promise<void>>();
  /** What this node feeds, of each part one replica. */
  readonly #parts = new Map<string, HeldPart>();
  #wanted: readonly DesiredInstrument[] = [];
  #isOver = false;

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  get fedCount(): number {
    return this.#fed.size;
  }

  /** The instrument, where this node feeds it. */
  find(key: InstrumentKey): DesiredInstrument | undefined {
    return this.#fed.get(key)?.instrument;
  }

  /** Which of the feeds of the instrument is this node's; `undefined` where none is. */
  replicaOf(key: InstrumentKey): number | undefined {
    return this.#fed.get(key)?.replica;
  }

  /** The wanted instruments of all nodes. */
  follow(wanted: readonly DesiredInstrument[]): void {
    this.#wanted = wanted;
    this.#reconcile();
  }

  gained(part: HeldPart): void {
    this.#parts.set(nameOf(part), part);
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
    const { exchanges } = this.#options;
    const own = new Map<InstrumentKey, DesiredInstrument>();
    for (const instrument of this.#isOver ? [] : this.#wanted) {
      if (!exchanges.has(instrument.exchange)) continue;
      if (this.#parts.has(nameOf(this.#partOf(instrument)))) own.set(instrument.instrument, instrument);
    }
    for (const [key, fed] of this.#fed) if (!own.has(key)) this.#end(key, fed);
    for (const [key, instrument] of own) {
      if (!this.#fed.has(key) && !this.#stopping.has(key)) this.#begin(instrument);
    }
  }

  #begin(instrument: DesiredInstrument): void {
    const { system, group, outlet, isHeld, readKnownTrades } = this.#options;
    const part = this.#parts.get(nameOf(this.#partOf(instrument)))!;
    const relay = system.spawn(
      group,
      relayActor({
        instrument,
        outlet,
        lease: part,
        isHeld: () => isHeld(part),
        readKnownTrades: () => readKnownTrades(instrument.instrument),
      }),
    );
    this.#fed.set(instrument.instrument, { instrument, replica: part.replica, relay });
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

  #partOf({ exchange, instrument }: DesiredInstrument): Omit<IngestPart, 'replica'> {
    return { exchange, slot: shardOf(instrument, this.#options.slots) };
  }

  #exchange({ exchange }: DesiredInstrument): ActorRef<ExchangeMessage> {
    return this.#options.exchanges.get(exchange)!;
  }
}

function nameOf({ exchange, slot }: Omit<IngestPart, 'replica'>): string {
  return `${exchange}/${slot}`;
}
