/**
 * A lane with everything around it, by chance of a seed: a log with duplicates and poison in it, a shard that reads it and reads it again, and a model
 * of the symbol actor that crashes, takes nothing for a while, and whose acknowledgements come late, twice or never.
 */
import type { DeliveryFailure } from '../../../src/actors/delivery.ts';
import type { LogRecord } from '../../../src/actors/event-log.ts';
import { LogLane } from '../../../src/actors/shards/log-lane.ts';
import type { LoggedPlace } from '../../../src/actors/symbol-protocol.ts';
import type { RandomSource } from '../../../src/base/clock.ts';
import { createSeededRandom } from '../../../src/base/clock.ts';
import type { EventBatch, MarketEvent } from '../../../src/market/events.ts';
import type { InstrumentKey } from '../../../src/market/symbols.ts';
import { bookDelta, trade } from '../../support/market-events.ts';

const INSTRUMENT = 'model:BTC-USD' as InstrumentKey;

export type ModelLog = { readonly records: readonly LogRecord[]; readonly poison: ReadonlySet<string> };

type Sent = { readonly batch: EventBatch; readonly logged: LoggedPlace };
type Reply =
  | {
      readonly type: 'accepted';
      readonly source: string;
      readonly lastOrdinal: number;
      readonly place: number;
    }
  | { readonly type: 'failed'; readonly failure: DeliveryFailure }
  | { readonly type: 'begins'; readonly place: number; readonly life: number };
type State = { folded: string[]; ordinals: Map<string, number>; place: number };

/** Places with holes, where other instruments' records stand; sources that write some of their batches twice. */
export function drawLog(random: RandomSource, recordCount: number): ModelLog {
  const records: LogRecord[] = [];
  const poison = new Set<string>();
  const ordinals = new Map<string, number>();
  const sourceCount = 1 + Math.floor(random() * 3);
  let offset = 0;
  for (let count = 0; count < recordCount; count++) {
    offset += 1 + Math.floor(random() ** 3 * 4);
    const before = records.at(-1 - Math.floor(random() * 3));
    if (before !== undefined && random() < 0.1) {
      records.push({ ...before, offset });
      continue;
    }
    const source = `s${Math.floor(random() * sourceCount)}`;
    const firstOrdinal = (ordinals.get(source) ?? 0) + 1;
    const events = Array.from(
      { length: Math.floor(random() ** 2 * 6) + (random() < 0.9 ? 1 : 0) },
      (_, index) => {
        const name = `${source}.${firstOrdinal + index}`;
        if (random() < 0.01) poison.add(name);
        return random() < 0.3 ? bookDelta({ sequence: name as never }) : trade({ tradeId: name });
      },
    );
    ordinals.set(source, firstOrdinal + events.length - 1);
    records.push({ type: 'batch', offset, instrument: INSTRUMENT, batch: { source, firstOrdinal, events } });
  }
  return { records, poison };
}

/** What the plain fold has of it: each event once, in order, and in place of a poisonous one of the book that there is a hole. */
export function foldPlainly({ records, poison }: ModelLog): string[] {
  const ordinals = new Map<string, number>();
  return records.flatMap(({ batch: { source, firstOrdinal, events } }) =>
    events.flatMap((event, index) => {
      const ordinal = firstOrdinal + index;
      if (ordinal <= (ordinals.get(source) ?? 0)) return [];
      ordinals.set(source, ordinal);
      const name = nameOf(event);
      if (!poison.has(name)) return [name];
      return event.type === 'BookDelta' ? ['stale'] : [];
    }),
  );
}

function nameOf(event: MarketEvent): string {
  if (event.type === 'Trade') return event.tradeId;
  return event.type === 'BookDelta'
    ? String(event.sequence)
    : event.type === 'FeedStatus'
      ? event.status
      : '';
}

export class LaneModel {
  readonly lane: LogLane;
  readonly givenUp: string[] = [];
  /** Deliveries that followed on the place of the actor. */
  takenCount = 0;
  readonly #log: ModelLog;
  readonly #random: RandomSource;
  readonly #mailbox: Sent[] = [];
  readonly #replies: Reply[] = [];
  #saved: State = { folded: [], ordinals: new Map(), place: 0 };
  #state: State = copyOf(this.#saved);
  #status: 'running' | 'crashed' | 'parked' = 'crashed';
  #life = 0;
  #isRefusing = false;
  /** Of the next record that the shard reads. */
  #head = 0;

  constructor(seed: number, recordCount: number) {
    this.#random = createSeededRandom(seed);
    this.#log = drawLog(this.#random, recordCount);
    this.lane = new LogLane({
      send: (batch, logged) => {
        if (this.#isRefusing || this.#status === 'parked') return false;
        this.#mailbox.push({ batch, logged });
        return true;
      },
      onPoison: (event) => this.givenUp.push(nameOf(event)),
    });
  }

  get log(): ModelLog {
    return this.#log;
  }

  get folded(): readonly string[] {
    return this.#state.folded;
  }

  get isAtEnd(): boolean {
    const isQuiet = this.#status === 'running' && this.#replies.length === 0;
    return isQuiet && this.#head >= this.#log.records.length && this.lane.firstOutstanding === Infinity;
  }

  /** One step of whoever the seed picks. */
  step(isTroubled: boolean): void {
    const draw = this.#random();
    if (draw < 0.35) this.#read(1 + Math.floor(this.#random() * (this.#random() < 0.02 ? 1_500 : 4)));
    else if (draw < 0.6) this.#handle(isTroubled);
    else if (draw < 0.85) this.#reply(isTroubled);
    else if (draw < 0.9) this.lane.retry();
    else if (draw < 0.93) this.#saved = this.#status === 'running' ? copyOf(this.#state) : this.#saved;
    else if (draw < 0.96) this.#begin();
    else if (isTroubled) this.#trouble();
    else this.#isRefusing = false;
  }

  #read(count: number): void {
    for (const record of this.#log.records.slice(this.#head, this.#head + count)) this.lane.take(record);
    this.#head = Math.min(this.#log.records.length, this.#head + count);
  }

  #readAgainFrom(place: number): void {
    const index = this.#log.records.findIndex(({ offset }) => offset >= place);
    if (index >= 0) this.#head = Math.min(this.#head, index);
  }

  #handle(isTroubled: boolean): void {
    if (this.#status !== 'running') return;
    const sent = this.#mailbox.shift();
    if (sent === undefined) return;
    const { batch, logged } = sent;
    if (logged.life !== this.#life) return;
    if (logged.after !== this.#state.place) {
      if (logged.to <= this.#state.place) this.#accept(batch);
      return;
    }
    this.takenCount++;
    const isTransient = isTroubled && this.#random() < 0.02;
    for (const [index, event] of batch.events.entries()) {
      const ordinal = batch.firstOrdinal + index;
      if (ordinal <= (this.#state.ordinals.get(batch.source) ?? 0)) continue;
      if (isTransient || this.#log.poison.has(nameOf(event))) {
        this.#crash({
          cause: 'the model fails',
          batch: { source: batch.source, firstOrdinal: batch.firstOrdinal, eventCount: batch.events.length },
          isTransient,
        });
        return;
      }
      this.#state.folded.push(nameOf(event));
      this.#state.ordinals.set(batch.source, ordinal);
    }
    this.#state.place = logged.to;
    this.#accept(batch);
  }

  #accept({ source, firstOrdinal, events }: EventBatch): void {
    const lastOrdinal = firstOrdinal + events.length - 1;
    this.#replies.push({ type: 'accepted', source, lastOrdinal, place: this.#state.place });
  }

  #crash(failure: DeliveryFailure): void {
    this.#status = 'crashed';
    this.#replies.push({ type: 'failed', failure });
  }

  #begin(): void {
    if (this.#status !== 'crashed') return;
    this.#status = 'running';
    this.#life++;
    this.#state = copyOf(this.#saved);
    this.#replies.push({ type: 'begins', place: this.#state.place, life: this.#life });
  }

  #reply(isTroubled: boolean): void {
    const reply = this.#replies.shift();
    if (reply === undefined) return;
    switch (reply.type) {
      case 'accepted': {
        if (isTroubled && this.#random() < 0.1) return;
        const { source, lastOrdinal, place } = reply;
        const lacking = this.lane.acknowledge({ source, lastOrdinal, batchNumber: place });
        if (lacking !== undefined) this.#readAgainFrom(lacking);
        if (isTroubled && this.#random() < 0.1) this.#replies.unshift(reply);
        return;
      }
      case 'failed':
        this.lane.fail(reply.failure);
        return;
      case 'begins':
        if (!this.lane.begin(reply.place, reply.life)) this.#readAgainFrom(reply.place);
        return;
      default:
        reply satisfies never;
    }
  }

  #trouble(): void {
    const draw = this.#random();
    if (draw < 0.3) this.#isRefusing = !this.#isRefusing;
    else if (draw < 0.5) this.#head = Math.floor(this.#random() * (this.#head + 1));
    else if (draw < 0.6 && this.#status === 'running') this.#status = 'parked';
    else if (draw < 0.8 && this.#status === 'parked') this.#status = 'crashed';
    else if (this.#status === 'running')
      this.#crash({ cause: 'the model was restarted', batch: undefined, isTransient: true });
  }

  /** Nothing fails any more but on poison. */
  heal(): void {
    this.#isRefusing = false;
    if (this.#status === 'parked') this.#status = 'crashed';
  }
}

function copyOf({ folded, ordinals, place }: State): State {
  return { folded: [...folded], ordinals: new Map(ordinals), place };
}
