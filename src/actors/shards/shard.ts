/**
 * The shard actor: the one reader of a partition of the log for the symbol actors below it. It hands each its records, sees to it that what one lacks
 * after a failure is read again, tells them when they have caught up, and keeps in the database from where on the log is needed.
 */
import type { TimerHandle } from '../../base/clock.ts';
import { TampinesError } from '../../base/errors.ts';
import { OutageLog } from '../../base/outage-log.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import { describeCause } from '../../supervision/failure.ts';
import { restartWithBackoff } from '../../supervision/strategy.ts';
import { toDeadLetterText } from '../dead-letter-text.ts';
import type { LogRecord, PositionLost, UnreadableRecord } from '../event-log.ts';
import type { ActorContext, ActorSpec } from '../kernel/actor-types.ts';
import type { DesiredInstrument } from '../ports.ts';
import type { FeedReply } from '../symbol-protocol.ts';
import { LogLane } from './log-lane.ts';
import { SavedPlace } from './saved-place.ts';
import type { Member } from './shard-member.ts';
import type { ShardBeginning, ShardMessage, ShardOptions } from './shard-options.ts';
import { ShardProgress } from './shard-progress.ts';

/** Records that may wait in all lanes together; more are asked for when half of them are gone. */
export const SHARD_MAX_RECORDS = 4_096;
/** The log is read without those whose recovery takes longer; they read on when they are back. */
const STRAGGLERS_MAX_MS = 5_000;
const ASK_AGAIN_MS = 1_000;
const SAVE_EVERY_MS = 2_000;
const RETRY_EVERY_MS = 1_000;
/** It hears from thousands of symbol actors, of each at most a few words at a time. */
const MAILBOX_MAX_MESSAGES = 200_000;

export function shardActor(options: ShardOptions): ActorSpec<ShardMessage, Shard> {
  return {
    name: String(options.shard),
    strategy: restartWithBackoff({ initialMs: 200, maxMs: 10_000, jitter: 0.2 }),
    initialState: (context) => new Shard(options, context),
    receive: async (shard, message) => {
      const work = shard.receive(message);
      if (work !== undefined) await work;
      return shard;
    },
    onStarted: (shard) => shard.start(),
    stopChildren: 'together',
    mailboxMaxMessages: MAILBOX_MAX_MESSAGES,
  };
}

class Shard {
  readonly #options: ShardOptions;
  readonly #context: ActorContext<ShardMessage>;
  #beginning!: ShardBeginning;
  #progress!: ShardProgress;
  readonly #members = new Map<InstrumentKey, Member>();
  /** Offset of the first record of each instrument that is not known to be wanted. */
  readonly #unknown = new Map<InstrumentKey, number>();
  /** Those whose actors are still ending: their paths are not free. True where one is wanted again. */
  readonly #ending = new Map<InstrumentKey, boolean>();
  /** Called when there is room again. */
  #roomWanted: (() => void)[] = [];
  /** Of the record that comes next, once the log is read: lanes have all that they want of before. Later ones are left over from another reading. */
  #expectedOffset: number | undefined;
  /** Members that have not caught up. */
  readonly #behind = new Set<Member>();
  #stragglers: TimerHandle | undefined;
  #savedPlace!: SavedPlace;
  readonly #askingOutage: OutageLog;

  constructor(options: ShardOptions, context: ActorContext<ShardMessage>) {
    this.#options = options;
    this.#context = context;
    this.#askingOutage = new OutageLog(context);
  }

  /** Claims the shard anew in each life: what the last one may have left half done is then nobody's. */
  async start(): Promise<void> {
    const { shard, host, begin, onBegun } = this.#options;
    const { timers, log } = this.#context;
    await host.endAll(shard);
    this.#beginning = await begin();
    const { claim, nextOffset, endOffset, instruments } = this.#beginning;
    this.#progress = new ShardProgress(nextOffset);
    this.#savedPlace = new SavedPlace({
      saved: nextOffset,
      save: (place) => this.#options.savePosition(claim, place),
      onFenced: () => this.#options.onFenced(),
      outage: new OutageLog(this.#context),
    });
    log.info(
      { shard, epoch: claim.epoch, nextOffset, endOffset, instruments: instruments.length },
      'shard claimed',
    );
    onBegun(claim, this.#progress);
    for (const instrument of instruments) this.#add(instrument, { isWhole: true });
    this.#stragglers = timers.after(STRAGGLERS_MAX_MS, () => this.#beginReading());
    this.#readWhenAllBegan();
    timers.every(SAVE_EVERY_MS, () => this.#keepPosition());
    timers.every(RETRY_EVERY_MS, () => {
      this.#lookForSilence();
      for (const { lane } of this.#members.values()) lane.retry();
      // One that takes nothing holds nobody up, and may take again: both are found out just now.
      this.#offerRoom();
      for (const member of this.#behind) this.#tellCaughtUp(member);
    });
  }

  /** Returns a promise only where something is waited for. */
  receive(message: ShardMessage): Promise<void> | undefined {
    switch (message.type) {
      case 'Records':
        this.#take(message.records, message.taken);
        return undefined;
      case 'BatchAccepted':
        this.#accepted(message);
        return undefined;
      case 'SymbolBegins':
        this.#symbolBegins(message.instrument, message);
        return undefined;
      case 'SymbolRecovered':
        this.#members.get(message.instrument as InstrumentKey)?.lane.fail(message);
        return undefined;
      case 'ResyncBook':
        this.#options.onResyncWanted(message.instrument as InstrumentKey, message.reason, message.source);
        return undefined;
      case 'WantedChanged':
        return this.#followWanted();
      case 'AssignedAgain':
        return this.#goOn();
      case 'PositionLost':
        this.#losePosition(message.lost);
        return undefined;
      case 'KnownTrades':
        return undefined;
      default:
        return message satisfies never;
    }
  }

  /** Its actors are warm, and the log is read on where it was left, unless somebody had the shard meanwhile. */
  async #goOn(): Promise<void> {
    const { claim } = this.#beginning;
    if (!(await this.#options.isStillOwn(claim))) {
      throw new Error(`Shard ${claim.shard} was another node's meanwhile: it is claimed anew`);
    }
    // Not where it was read up to: it may have been read again from further back.
    if (this.#expectedOffset !== undefined) this.#readFrom(this.#expectedOffset);
  }

  #accepted(message: Extract<FeedReply, { type: 'BatchAccepted' }>): void {
    const member = this.#members.get(message.instrument as InstrumentKey);
    if (member === undefined) return;
    const lacking = member.lane.acknowledge(message);
    if (lacking !== undefined) this.#readAgainFrom(lacking);
    this.#tellCaughtUp(member);
    this.#offerRoom();
  }

  // -------------------------------------------------------------------------------------------------------------- members

  #add(instrument: DesiredInstrument, { isWhole }: { isWhole: boolean }): void {
    const { host } = this.#options;
    const { claim } = this.#beginning;
    const { self, clock } = this.#context;
    const key = instrument.instrument;
    const symbol = host.run(instrument, {
      claim,
      ref: self,
      onBegun: (place, life, fellBack) =>
        this.#context.send(self, { type: 'SymbolBegins', instrument: key, place, life, fellBack }),
      onSaved: (place) => this.#progress.noteSaved(key, place, clock.monotonicMs()),
    });
    const target = symbol.ref;
    const lane = new LogLane({
      send: (batch, logged) => this.#context.send(target, { type: 'Deliver', batch, feed: self, logged }),
      onPoison: (event, cause, name) => {
        this.#options.records.recordDeadLetter({
          timeMs: clock.nowMs(),
          exchange: instrument.exchange,
          symbol: instrument.symbol,
          reason: 'poison',
          detail: `its actor failed on it twice: ${cause}`,
          text: toDeadLetterText(event),
          place: `${key} poison ${name}`,
        });
      },
    });
    const member: Member = {
      instrument,
      symbol,
      lane,
      isWhole,
      catchUpTo: this.#beginning.endOffset,
      neededFrom: this.#beginning.nextOffset,
      heardAtMs: clock.monotonicMs(),
      receivedAtMs: -Infinity,
      isSilent: false,
    };
    this.#members.set(key, member);
    this.#behind.add(member);
  }

  #symbolBegins(
    key: InstrumentKey,
    { place, life, fellBack }: Extract<ShardMessage, { type: 'SymbolBegins' }>,
  ): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    member.catchUpTo = Math.max(this.#beginning.endOffset, this.#progress.readTo);
    this.#behind.add(member);
    const { nextOffset } = this.#beginning;
    // What a snapshot lacks of before the shard's own beginning, others made sure that nobody needs: they relied on the newest, though.
    member.neededFrom = fellBack ? place : Math.max(place, nextOffset);
    if (fellBack) this.#progress.noteFellBack(key, place, this.#context.clock.monotonicMs());
    const isAllThere = member.lane.begin(place, life, fellBack);
    if (this.#expectedOffset === undefined) {
      this.#readWhenAllBegan();
      return;
    }
    if (!isAllThere) this.#readAgainFrom(member.neededFrom);
    this.#tellCaughtUp(member);
  }

  #readWhenAllBegan(): void {
    for (const { lane } of this.#members.values()) if (!lane.isReady) return;
    this.#beginReading();
  }

  #beginReading(): void {
    if (this.#expectedOffset !== undefined) return;
    this.#stragglers?.cancel();
    let from = this.#beginning.nextOffset;
    for (const { neededFrom } of this.#members.values()) from = Math.min(from, neededFrom);
    this.#readFrom(from);
    for (const member of this.#members.values()) this.#tellCaughtUp(member);
  }

  /** What is already being read again for another one, from further back, is not left out. */
  #readAgainFrom(offset: number): void {
    this.#readFrom(Math.min(offset, this.#expectedOffset ?? offset));
  }

  #readFrom(offset: number): void {
    this.#expectedOffset = offset;
    // False: the shard went to another node, which this one is told of as well.
    this.#options.read(offset);
  }

  #tellCaughtUp(member: Member): void {
    const { lane, symbol, catchUpTo, isWhole } = member;
    if (catchUpTo === undefined || this.#expectedOffset === undefined || !lane.isReady) return;
    if (this.#expectedOffset < catchUpTo || lane.firstOutstanding < catchUpTo) return;
    // Its feed may have been gone for long when the shard came here; the owner before knew it.
    const silentMs = this.#context.clock.nowMs() - member.receivedAtMs;
    if (silentMs >= this.#options.silentAfterMs)
      this.#tellSilence(member, 'nothing new has come from its feeds yet');
    if (
      !this.#context.send(symbol.ref, {
        type: 'CaughtUp',
        life: lane.life,
        isWhole,
      })
    )
      return;
    member.catchUpTo = undefined;
    this.#behind.delete(member);
  }

  // -------------------------------------------------------------------------------------------------------------- records

  #take(records: readonly (LogRecord | UnreadableRecord)[], taken: () => void): void {
    const place = records.at(-1)!.offset + 1;
    const expected = this.#expectedOffset;
    // Some of them may have come before: what was on its way when the log was read again, and then the same once more.
    if (expected === undefined || records[0]!.offset > expected || place <= expected) {
      taken();
      return;
    }
    this.#expectedOffset = place;
    const nowMs = this.#context.clock.monotonicMs();
    for (const record of records) {
      if (record.offset < expected) continue;
      if (record.type === 'unreadable') this.#setAside(record);
      else this.#takeRecord(record, nowMs);
    }
    this.#progress.noteReadTo(place);
    for (const member of this.#behind) this.#tellCaughtUp(member);
    this.#roomWanted.push(taken);
    this.#offerRoom();
  }

  #takeRecord(record: LogRecord, nowMs: number): void {
    const member = this.#members.get(record.instrument);
    if (member !== undefined) {
      this.#progress.noteRead(record.instrument, record.offset, nowMs);
      member.heardAtMs = nowMs;
      member.receivedAtMs = record.batch.events.at(-1)?.receiveTimeMs ?? member.receivedAtMs;
      member.isSilent = false;
      member.lane.take(record);
      return;
    }
    // Whoever writes it may have heard of it sooner than this shard. Until the database was asked, the log is needed from here on.
    if (this.#unknown.has(record.instrument)) return;
    // One question for all of them: whoever writes keys of its own could have the database asked for each of a million.
    if (this.#unknown.size === 0) this.#context.send(this.#context.self, { type: 'WantedChanged' });
    this.#unknown.set(record.instrument, record.offset);
    this.#progress.noteRead(record.instrument, record.offset, nowMs);
  }

  /** Nothing is known of whose it is; its place is kept, its text told, and the rest goes on. */
  #setAside({ offset, key, cause }: UnreadableRecord): void {
    const { shard, records } = this.#options;
    records.recordDeadLetter({
      timeMs: this.#context.clock.nowMs(),
      exchange: key.split(':')[0] ?? '',
      symbol: undefined,
      reason: 'unreadable-record',
      detail: `shard ${shard}, offset ${offset}: ${cause.message}`,
      text: key,
      place: `shard ${shard} ${offset}`,
    });
  }

  /** Whoever fed it may be gone without a word. */
  #lookForSilence(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const member of this.#members.values()) {
      const silentMs = nowMs - member.heardAtMs;
      if (member.isSilent || silentMs < this.#options.silentAfterMs) continue;
      this.#tellSilence(member, `nothing has come from its feeds for ${Math.round(silentMs / 1_000)} s`);
    }
  }

  #tellSilence(member: Member, reason: string): void {
    member.isSilent = true;
    this.#context.send(member.symbol.ref, { type: 'FeedSilent', reason });
  }

  #offerRoom(): void {
    if (this.#roomWanted.length === 0) return;
    let waiting = 0;
    for (const { lane } of this.#members.values()) if (lane.isTaking) waiting += lane.waitingCount;
    if (waiting > SHARD_MAX_RECORDS / 2) return;
    const wanted = this.#roomWanted;
    this.#roomWanted = [];
    for (const taken of wanted) taken();
  }

  #losePosition({ expectedOffset, foundOffset }: PositionLost): void {
    const { shard } = this.#options;
    const fields = { shard, expectedOffset, foundOffset };
    if (foundOffset < expectedOffset) {
      throw new TampinesError(
        'EVENT_LOG_LOST',
        `The log of shard ${shard} ends before offset ${expectedOffset}, which was read already: the topic was made anew. ` +
          'Start with another kafka.topicPrefix and postgres.schema, or bring the topic back',
        { fields },
      );
    }
    this.#context.log.error(
      fields,
      'the log no longer holds what follows on the checkpoint: it is read from where it begins, trades in between are missing',
    );
    const reason = 'the log was kept for too short a time';
    // Before the shard's beginning only those need something that fell back.
    const { nextOffset } = this.#beginning;
    for (const member of this.#members.values()) {
      if (foundOffset <= nextOffset && member.neededFrom >= foundOffset) continue;
      const { instrument, symbol } = member;
      member.isWhole &&= !this.#behind.has(member);
      this.#context.send(symbol.ref, { type: 'LogTorn', reason });
      this.#options.onResyncWanted(instrument.instrument, reason);
    }
    this.#progress.noteLostBefore(foundOffset);
    this.#readFrom(foundOffset);
  }

  // --------------------------------------------------------------------------------------------------------------- wanted

  /** Waits for the answer before anything else is taken: what is read of the log meanwhile may be of instruments that it names. */
  async #followWanted(): Promise<void> {
    const asOf = this.#progress.readTo;
    const instruments = await this.#readWanted();
    if (instruments === undefined) return;
    const wanted = new Map(instruments.map((instrument) => [instrument.instrument, instrument]));
    for (const key of [...this.#members.keys()]) if (!wanted.has(key)) this.#remove(key);
    let readAgainFrom = Infinity;
    for (const key of this.#ending.keys()) this.#ending.set(key, wanted.has(key));
    for (const [key, instrument] of wanted) {
      if (this.#members.has(key) || this.#ending.has(key)) continue;
      readAgainFrom = Math.min(readAgainFrom, this.#unknown.get(key) ?? Infinity);
      this.#add(instrument, { isWhole: false });
    }
    // Who wrote of the others did so before the database was asked, and it does not want them.
    for (const [key, offset] of this.#unknown) {
      if (this.#ending.get(key) === true) continue;
      if (offset < asOf && !wanted.has(key)) this.#progress.forget(key);
      this.#unknown.delete(key);
    }
    if (readAgainFrom < Infinity) this.#readAgainFrom(readAgainFrom);
  }

  /** A database that is away is no reason to begin anew: asked again later. */
  async #readWanted(): Promise<readonly DesiredInstrument[] | undefined> {
    const { self, timers } = this.#context;
    try {
      const wanted = await this.#options.readWanted();
      this.#askingOutage.over('asked again which instruments are wanted');
      return wanted;
    } catch (error) {
      const fields = { cause: describeCause(error) };
      this.#askingOutage.failed(fields, 'could not ask which instruments are wanted, will ask again');
      timers.after(ASK_AGAIN_MS, () => this.#context.send(self, { type: 'WantedChanged' }));
      return undefined;
    }
  }

  #remove(key: InstrumentKey): void {
    const member = this.#members.get(key)!;
    this.#members.delete(key);
    this.#behind.delete(member);
    this.#progress.forget(key);
    this.#ending.set(key, false);
    const { self } = this.#context;
    const ended = this.#options.host.end(key, member.symbol).then(() => {
      if (this.#ending.get(key) === true) this.#context.send(self, { type: 'WantedChanged' });
      this.#ending.delete(key);
    });
    ended.catch((error: unknown) => this.#context.fail(error));
  }

  // ------------------------------------------------------------------------------------------------------------- position

  #keepPosition(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const key of this.#progress.unsavedLongerThan(2 * this.#options.checkpointEveryMs, nowMs)) {
      const member = this.#members.get(key);
      if (member === undefined) continue;
      this.#context.send(member.symbol.ref, { type: 'CheckpointDue' });
    }
    this.#savedPlace.keep(this.#progress.neededFrom);
  }
}
