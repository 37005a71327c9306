/**
 * The shards of this node: a reader says which partitions the group gives it, and for each a shard actor runs while it does. Kafka's group is liveness
 * only; that no two nodes write for one shard is seen to by the claim of each.
 */
import type { BackoffPolicy } from '../../base/backoff.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import type { RandomSource, TimerHandle, Timers } from '../../base/clock.ts';
import { hasErrorCode } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { InstrumentKey } from '../../market/symbols.ts';
import { describeCause } from '../../supervision/failure.ts';
import type { Assignment, EventLogReader, EventLogReaderEvents } from '../event-log.ts';
import type { ActorRef, AnyActorRef } from '../kernel/actor-types.ts';
import type { ActorSystem } from '../kernel/actor-system.ts';
import type { DesiredInstrument, OperationsRecords, ShardClaim } from '../ports.ts';
import { shardActor } from './shard.ts';
import type { ShardHost, ShardMessage } from './shard-options.ts';
import type { ShardProgress } from './shard-progress.ts';

export type ShardKeeperOptions = {
  readonly system: ActorSystem;
  /** Parent of the shard actors. */
  readonly group: AnyActorRef;
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly log: Log;
  readonly records: OperationsRecords;
  readonly host: ShardHost;
  readonly openReader: (events: EventLogReaderEvents) => Promise<EventLogReader>;
  readonly checkpointEveryMs: number;
  readonly silentAfterMs: number;
  readonly claim: (shard: number) => Promise<ShardClaim>;
  readonly positions: ClaimedPositions;
  /** Those of the shard. */
  readonly readWanted: (shard: number) => Promise<readonly DesiredInstrument[]>;
  readonly onResyncWanted: (instrument: InstrumentKey, reason: string, source?: string) => void;
};

/** Where each shard's log is needed from, under the fence. */
export interface ClaimedPositions {
  /** @throws TampinesError `FENCED` */
  read(claim: ShardClaim): Promise<number>;
  /** @throws TampinesError `FENCED` */
  save(claim: ShardClaim, nextOffset: number): Promise<void>;
  /** Those that are not the newest any more. */
  findSuperseded(claims: readonly ShardClaim[], timeoutMs: number): Promise<readonly ShardClaim[]>;
}

export type ShardReading = {
  readonly shard: number;
  readonly epoch: number;
  /** From which on the log is needed should the shard move, and the place up to which it was read. */
  readonly neededFrom: number;
  readonly readTo: number;
  /** By the monotonic clock: since when something of it waits for a snapshot. `undefined` where nothing does. */
  readonly unsavedSinceMs: number | undefined;
  /** Records that were not read yet. */
  readonly lag: number;
};

type Held = {
  readonly ref: ActorRef<ShardMessage>;
  claim: ShardClaim | undefined;
  progress: ShardProgress | undefined;
};

const REOPEN: BackoffPolicy = { initialMs: 500, maxMs: 10_000, jitter: 0.2 };

const STILL_OWN_WITHIN_MS = 5_000;
/** A node that lost its membership ends its reader within this. */
const CLAIM_AGAIN_MS = 3_000;

export class ShardKeeper {
  readonly #options: ShardKeeperOptions;
  readonly #held = new Map<number, Held>();
  /** What the group gave to this node last. */
  #given: ReadonlySet<number> = new Set();
  /** What is under way for each shard: its next step waits for it. */
  readonly #turns = new Map<number, Promise<void>>();
  #reader: EventLogReader | undefined;
  #retry: TimerHandle | undefined;
  #failuresInRow = 0;
  #trouble = 'the group was not joined yet';
  #isOver = false;

  constructor(options: ShardKeeperOptions) {
    this.#options = options;
  }

  /** Why this node is given no shards; empty while it is a member of the group. */
  get trouble(): string {
    return this.#reader === undefined ? this.#trouble : '';
  }

  readings(): ShardReading[] {
    return [...this.#held].flatMap(([shard, { claim, progress }]) => {
      if (claim === undefined || progress === undefined) return [];
      const { neededFrom, readTo, unsavedSinceMs } = progress;
      const lag = Math.max(0, (this.#reader?.knownEndOf(shard) ?? readTo) - readTo);
      return [{ shard, epoch: claim.epoch, neededFrom, readTo, unsavedSinceMs, lag }];
    });
  }

  start(): void {
    void this.#open();
  }

  /** The claim under which this node runs the shard; `undefined` where it does not. */
  claimOf(shard: number): ShardClaim | undefined {
    return this.#held.get(shard)?.claim;
  }

  /** The set of wanted instruments has changed. */
  wantedChanged(): void {
    for (const { ref } of this.#held.values()) this.#options.system.send(ref, { type: 'WantedChanged' });
  }

  /** Lets go of shards that others have claimed. Rejects when the database can't be asked. */
  async verify(timeoutMs: number): Promise<void> {
    const claims = [...this.#held.values()].flatMap(({ claim }) => claim ?? []);
    for (const claim of await this.#options.positions.findSuperseded(claims, timeoutMs)) this.#fence(claim);
  }

  /** Leaves the group when the shards are saved, so that others go on from there at once. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#retry?.cancel();
    const shards = [...this.#held.keys()];
    await Promise.all(shards.map((shard) => this.#inTurn(shard, () => this.#release(shard))));
    await this.#reader?.close();
  }

  async #open(): Promise<void> {
    const { openReader, log } = this.#options;
    try {
      const reader = await openReader({
        onAssigned: (assignment) => this.#assigned(assignment),
        onRevoked: (partitions) => this.#revoked(partitions),
        onRecords: (partition, records) => {
          const held = this.#held.get(partition);
          if (held === undefined) return undefined;
          return new Promise((taken) => {
            if (!this.#send(held, { type: 'Records', records, taken })) taken();
          });
        },
        onPositionLost: (partition, lost) => {
          const held = this.#held.get(partition);
          if (held !== undefined) this.#send(held, { type: 'PositionLost', lost });
        },
        onFailed: (error) => this.#readerFailed(error),
      });
      if (this.#isOver) {
        await reader.close();
        return;
      }
      this.#reader = reader;
      if (this.#failuresInRow > 0) log.info({}, 'the log of events is read again');
      this.#failuresInRow = 0;
    } catch (error) {
      this.#openLater(error);
    }
  }

  /** Its shards stay as they are: the next reader is told which of them are still this node's. Until then none is claimed. */
  #readerFailed(error: unknown): void {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#given = new Set();
    reader?.close().catch(() => undefined);
    this.#openLater(error);
  }

  #openLater(error: unknown): void {
    if (this.#isOver) return;
    const { timers, random, log } = this.#options;
    this.#trouble = describeCause(error);
    const delayMs = backoffDelayMs(REOPEN, this.#failuresInRow++, random);
    log.warn(
      { cause: this.#trouble, attempt: this.#failuresInRow, delayMs },
      'the log of events can not be read, will join the group again',
    );
    this.#retry = timers.after(delayMs, () => void this.#open());
  }

  #assigned({ partitions }: Assignment): void {
    const given = new Set(partitions.map(({ partition }) => partition));
    this.#given = given;
    for (const shard of this.#held.keys()) if (!given.has(shard)) this.#letGo(shard);
    for (const shard of given) this.#keep(shard);
  }

  /** Runs the shard, or goes on with it, while the group gives it to this node. */
  #keep(shard: number): void {
    void this.#inTurn(shard, () => {
      if (this.#isOver || !this.#given.has(shard)) return;
      const held = this.#held.get(shard);
      if (held === undefined) this.#begin(shard);
      else this.#send(held, { type: 'AssignedAgain' });
    });
  }

  #revoked(partitions: readonly number[]): void {
    this.#given = new Set([...this.#given].filter((shard) => !partitions.includes(shard)));
    for (const shard of partitions) this.#letGo(shard);
  }

  #letGo(shard: number): void {
    void this.#inTurn(shard, () => this.#release(shard));
  }

  #begin(shard: number): void {
    const { system, group, host, records, checkpointEveryMs, silentAfterMs, positions } = this.#options;
    const ref = system.spawn(
      group,
      shardActor({
        shard,
        host,
        records,
        checkpointEveryMs,
        silentAfterMs,
        begin: async () => {
          // Who can't read it, or is about to let go of it, would only take it away from whoever runs it.
          if (this.#reader === undefined || this.#held.get(shard) !== held)
            throw new Error(`shard ${shard} is not this node's to read at present`);
          const claim = await this.#options.claim(shard);
          try {
            const [nextOffset, endOffset, instruments] = await Promise.all([
              positions.read(claim),
              this.#endOf(shard),
              this.#options.readWanted(shard),
            ]);
            return { claim, nextOffset, endOffset, instruments };
          } catch (error) {
            // Its actor ends with this, and does not begin again by itself.
            if (hasErrorCode(error, 'FENCED')) this.#lose(claim, held);
            throw error;
          }
        },
        read: (offset) => this.#reader?.start(shard, offset) ?? false,
        readWanted: () => this.#options.readWanted(shard),
        savePosition: async (claim, nextOffset) => {
          await positions.save(claim, nextOffset);
          this.#reader?.noteSaved(shard, nextOffset);
        },
        isStillOwn: async (claim) =>
          (await positions.findSuperseded([claim], STILL_OWN_WITHIN_MS)).length === 0,
        onResyncWanted: this.#options.onResyncWanted,
        onBegun: (claim, progress) => {
          held.claim = claim;
          held.progress = progress;
        },
        onFenced: () => {
          if (held.claim !== undefined) this.#fence(held.claim);
        },
      }),
    );
    const held: Held = { ref, claim: undefined, progress: undefined };
    this.#held.set(shard, held);
  }

  async #endOf(shard: number): Promise<number> {
    if (this.#reader === undefined) throw new Error('the log of events is not open');
    return this.#reader.endOf(shard);
  }

  /** Ends the actors of the shard, which save their states, and then says from where on the next owner is to read. */
  async #release(shard: number): Promise<void> {
    const held = this.#held.get(shard);
    if (held === undefined) return;
    const { system, host, log, positions } = this.#options;
    this.#held.delete(shard);
    await host.endAll(shard);
    await system.stop(held.ref);
    // Those that it started while it was just beginning.
    await host.endAll(shard);
    const { claim, progress } = held;
    if (claim === undefined || progress === undefined) return;
    try {
      await positions.save(claim, progress.neededFrom);
      log.info({ shard, epoch: claim.epoch, nextOffset: progress.neededFrom }, 'shard released');
    } catch (error) {
      // Whoever was quicker reads a little more.
      const level = hasErrorCode(error, 'FENCED') ? 'info' : 'warn';
      log[level]({ shard, cause: describeCause(error) }, 'shard released without saving its place');
    }
  }

  #fence(claim: ShardClaim): void {
    const held = this.#held.get(claim.shard);
    if (held?.claim === claim) this.#lose(claim, held);
  }

  /**
   * Another node claimed it: nothing of it may be said or written any more. That node may be one that was frozen and is no member of the group any more;
   * where the group says nothing else meanwhile, the shard is claimed again.
   */
  #lose(claim: ShardClaim, held: Held): void {
    if (this.#held.get(claim.shard) !== held) return;
    const { system, host, log } = this.#options;
    this.#held.delete(claim.shard);
    log.warn({ shard: claim.shard, epoch: claim.epoch }, 'fenced: another node has this shard now');
    void this.#inTurn(claim.shard, async () => {
      await system.release(held.ref, 'another node has this shard now');
      await host.endAll(claim.shard);
    });
    this.#options.timers.after(CLAIM_AGAIN_MS, () => {
      if (!this.#held.has(claim.shard)) this.#keep(claim.shard);
    });
  }

  #send(held: Held, message: ShardMessage): boolean {
    return this.#options.system.send(held.ref, message);
  }

  #inTurn(shard: number, step: () => Promise<void> | void): Promise<void> {
    const before = this.#turns.get(shard) ?? Promise.resolve();
    const turn = before.then(step).catch((error: unknown) => {
      this.#options.log.error({ shard, err: error }, 'a shard could not be moved');
    });
    this.#turns.set(shard, turn);
    return turn;
  }
}
