/**
 * A market, its exchange, a feed that breaks, and an instrument, around one `TradeCatchUp`: everything random is drawn from a seed. The truth is the
 * list of trades made; the instrument counts each identity once, as far back as it remembers them, and knows when one comes after its time has passed.
 */
import { createSeededRandom } from '../../src/base/clock.ts';
import type { MissingTrades, TradeHistory, TradePage } from '../../src/exchanges/adapter.ts';
import { recordedMoment } from '../../src/exchanges/moment.ts';
import type { PageAnswer, TradeGap } from '../../src/exchanges/trade-catch-up.ts';
import { TradeCatchUp } from '../../src/exchanges/trade-catch-up.ts';
import type { Trade } from '../../src/market/events.ts';
import type { KnownTrades } from '../../src/market/instrument-state.ts';
import { TradeIdentities } from '../../src/market/trade-identities.ts';
import { trade } from '../support/market-events.ts';

export type WorldOptions = {
  readonly seed: number;
  readonly identity: 'consecutive' | 'other';
  readonly pageSize: number;
  readonly maxPages: number;
  /** Trades of the past that the stream begins with. */
  readonly historyCount: number;
  /** Share of the stream's trades that are lost without a word. */
  readonly lossShare: number;
  /** Share of the steps at which the process is lost with all it held. */
  readonly restartShare: number;
  /** Share of the cuts after which the connection is away for more trades than the instrument remembers. */
  readonly longAbsenceShare: number;
  /** Each loss is noticed as a frame that can't be read. */
  readonly isLossTold: boolean;
  readonly failureShare: number;
  /** How far past trades lag behind the stream. */
  readonly lagMaxMs: number;
  /** Share of the stream's trades behind which one comes that was never made, under an absurd number. */
  readonly lieShare?: number;
  /** Share of the trades at which the exchange begins to count anew, far above or below. */
  readonly renumberShare?: number;
};

const STEP_MS = 50;
const FIRST_NUMBER = 1_000_000_000;
const LIMITS = {
  keptMax: 20_000,
  deadlineMs: 120_000,
  quietMs: 3_000,
  askAgainMs: 2_000,
  retryMs: 500,
  failuresMax: 8,
  suspectEveryMs: 1_500,
};

export class TradeWorld {
  readonly made: Trade[] = [];
  readonly known = new Map<string, Trade>();
  /** They came again when the instrument had forgotten them. */
  readonly countedTwice: string[] = [];
  readonly gaps: TradeGap[] = [];
  /** Trades that came after the instrument's time had passed theirs. */
  readonly late: string[] = [];
  nowMs = 1_000_000;
  readonly #options: WorldOptions;
  readonly #random: () => number;
  #catchUp: TradeCatchUp;
  #isConnected = false;
  #timeMs = 0;
  #number = FIRST_NUMBER;
  readonly #identities = new TradeIdentities();
  #latest: Trade | undefined;
  #answers: { dueMs: number; run: () => void }[] = [];

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = createSeededRandom(options.seed);
    this.#catchUp = this.#create();
  }

  get seed(): number {
    return this.#options.seed;
  }

  get isSettled(): boolean {
    return this.#isConnected && !this.#catchUp.isHolding;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  connect(): void {
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#catchUp.opened('no connection', recordedMoment(this.nowMs));
    const history = this.made.slice(Math.max(0, this.made.length - this.#options.historyCount));
    for (const past of history) this.#send({ ...past, isHistory: true });
  }

  disconnect(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#answers = [];
    this.#catchUp.closed('cut', this.nowMs);
  }

  /** The process is gone with all it held; the instrument is as durable as it was. */
  restart(): void {
    this.disconnect();
    this.#catchUp = this.#create();
  }

  makeTrades(count: number): void {
    for (let index = 0; index < count; index++) {
      if (this.chance(this.#options.renumberShare ?? 0)) this.#number = this.#absurdNumber();
      const number = this.#number++;
      const made = trade({
        tradeId: this.#options.identity === 'consecutive' ? String(number) : `fill-${number}`,
        eventTimeMs: this.nowMs,
        receiveTimeMs: this.nowMs,
      });
      this.made.push(made);
      if (!this.#isConnected) continue;
      if (this.chance(this.#options.lieShare ?? 0))
        this.#send({ ...made, tradeId: String(this.#absurdNumber()) });
      if (this.chance(this.#options.lossShare)) {
        if (this.#options.isLossTold)
          this.#catchUp.suspect('a frame could not be read', recordedMoment(this.nowMs));
        continue;
      }
      this.#send(made);
      if (this.chance(0.05)) this.#send(made);
    }
  }

  step(): void {
    this.nowMs += STEP_MS;
    const due = this.#answers.filter(({ dueMs }) => dueMs <= this.nowMs);
    this.#answers = this.#answers.filter((answer) => !due.includes(answer));
    for (const { run } of due) run();
    if (!this.#isConnected) return;
    this.#catchUp.tick(recordedMoment(this.nowMs));
    // Time passes for the instrument as heartbeats let it.
    if (!this.#catchUp.isHolding) this.#timeMs = Math.max(this.#timeMs, this.nowMs - STEP_MS);
  }

  /** Far from all others, so that none has it already. */
  #absurdNumber(): number {
    return Math.floor(this.#random() * Number.MAX_SAFE_INTEGER);
  }

  #send(sent: Trade): void {
    this.#catchUp.trade(sent, recordedMoment(this.nowMs));
  }

  #create(): TradeCatchUp {
    const catchUp: TradeCatchUp = new TradeCatchUp({
      history: this.#history(),
      limits: LIMITS,
      effects: {
        deliver: (delivered) => this.#fold(delivered),
        ask: () =>
          this.#later(() => {
            if (catchUp === this.#catchUp) catchUp.known(this.#knownTrades(), recordedMoment(this.nowMs));
          }),
        request: (missing) =>
          this.#later(() => {
            if (catchUp === this.#catchUp)
              catchUp.answered(this.#answer(missing), recordedMoment(this.nowMs));
          }),
        gap: (gap) => this.gaps.push(gap),
      },
    });
    return catchUp;
  }

  #later(run: () => void): void {
    // Now and then an answer never comes; a question to the instrument is asked again, a request always ends.
    this.#answers.push({ dueMs: this.nowMs + Math.ceil(this.#random() * 400), run });
  }

  #fold(delivered: Trade): void {
    if (!this.#identities.add(delivered.tradeId)) return;
    if (this.known.has(delivered.tradeId)) this.countedTwice.push(delivered.tradeId);
    this.known.set(delivered.tradeId, delivered);
    if (delivered.eventTimeMs < this.#timeMs) this.late.push(delivered.tradeId);
    this.#timeMs = Math.max(this.#timeMs, delivered.eventTimeMs);
    if (delivered.eventTimeMs >= (this.#latest?.eventTimeMs ?? 0)) this.#latest = delivered;
  }

  #knownTrades(): KnownTrades | undefined {
    const tradeId = this.#identities.newest;
    if (tradeId === undefined) return undefined;
    const { eventTimeMs, tradeId: latestTradeId } = this.#latest!;
    return { newest: { tradeId, eventTimeMs }, latestTradeId, timeMs: this.#timeMs };
  }

  #numberOf(tradeId: string): number {
    return Number(tradeId.replace('fill-', ''));
  }

  #history(): TradeHistory {
    return {
      identity: this.#options.identity,
      maxPages: this.#options.maxPages,
      request: () => ({ url: 'unused' }),
      read: () => ({ ok: false, reason: 'unused' }),
    };
  }

  #answer(missing: MissingTrades): PageAnswer {
    if (this.chance(this.#options.failureShare)) return { type: 'failed', reason: 'drawn', isFinal: false };
    const untilMs = this.nowMs - this.#random() * this.#options.lagMaxMs;
    const past = this.made.filter(({ eventTimeMs }) => eventTimeMs <= untilMs);
    const page =
      this.#options.identity === 'consecutive' ? this.#upward(past, missing) : this.#downward(past, missing);
    const trades = page.trades.map((one): Trade => ({ ...one, isHistory: true }));
    return { type: 'page', page: { ...page, trades } };
  }

  #upward(past: readonly Trade[], { after }: MissingTrades): TradePage {
    const { pageSize } = this.#options;
    const trades = past
      .filter(({ tradeId }) => this.#numberOf(tradeId) > this.#numberOf(after.tradeId))
      .slice(0, pageSize);
    return { trades, next: trades.length < pageSize ? undefined : 'more', reachesBack: true };
  }

  /** Pages overlap by the trades of one time, as they must where several trades may have the same. */
  #downward(past: readonly Trade[], { after, cursor }: MissingTrades): TradePage {
    const { pageSize } = this.#options;
    const endMs = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor);
    const trades = past
      .filter(({ eventTimeMs }) => eventTimeMs >= after.eventTimeMs && eventTimeMs < endMs)
      .slice(-pageSize);
    if (trades.length < pageSize) return { trades, next: undefined, reachesBack: true };
    const next = String(trades[0]!.eventTimeMs + 1);
    return { trades, next: next === cursor ? undefined : next, reachesBack: false };
  }
}
