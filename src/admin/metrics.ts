/**
 * Numbers for Prometheus. What the parts of the system count stays with them: they hand in sources, which are read when somebody asks.
 * A source that fails or grows without bounds spoils only itself.
 */
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Clock, TimerHandle, Timers } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { OutageLog } from '../base/outage-log.ts';

/** One metric family. Names are `tampines_…` with the unit at the end (`_seconds`, `_bytes`), counters end in `_total`. */
export type MetricSource = {
  readonly name: string;
  readonly help: string;
  /** `counter`: the total since the start, never falling. */
  readonly kind: 'counter' | 'gauge';
  readonly labelNames: readonly string[];
  /** The values of this moment, one per combination of labels; beyond 1,000 the rest is left out. */
  readonly read: () => Iterable<MetricSample> | Promise<Iterable<MetricSample>>;
};

export type MetricSample = { readonly value: number; readonly labels?: Readonly<Record<string, string>> };

type Source = {
  readonly source: MetricSource;
  readonly metric: Gauge | Counter;
  readonly outage: OutageLog;
};

const SAMPLES_MAX = 1_000;
/** Prometheus gives up after 10 s by default, and would have nothing at all then. */
const READ_MAX_MS = 1_000;

export class Metrics {
  readonly #registry = new Registry();
  readonly #timers: Timers;
  /** Reads that are not over: one that hangs is not begun anew with each scrape. */
  readonly #underWay = new Map<MetricSource, Promise<Iterable<MetricSample>>>();
  readonly #sources: readonly Source[];
  readonly #failed: Gauge;
  readonly #leftOut: Gauge;
  readonly #requests: Counter;

  constructor(options: { log: Log; clock: Clock; timers: Timers; sources: readonly MetricSource[] }) {
    this.#timers = options.timers;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#failed = new Gauge({
      name: 'tampines_metric_source_failed',
      help: '1 where the metric could not be read in this scrape',
      labelNames: ['metric'],
      registers,
    });
    this.#leftOut = new Gauge({
      name: 'tampines_metric_samples_left_out',
      help: `Samples beyond the ${SAMPLES_MAX} that one metric may have`,
      labelNames: ['metric'],
      registers,
    });
    this.#requests = new Counter({
      name: 'tampines_admin_requests_total',
      help: 'Requests to the admin REST by route',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#sources = options.sources.map((source) => {
      const { name, help, kind } = source;
      const family = { name, help, labelNames: [...source.labelNames], registers };
      const metric = kind === 'gauge' ? new Gauge(family) : new Counter(family);
      return { source, metric, outage: new OutageLog(options) };
    });
  }

  /** Returns the exposition text, with all sources read now. */
  async read(): Promise<string> {
    await Promise.all(this.#sources.map((each) => this.#refresh(each)));
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** `route` is a pattern, never a path, so that clients can't make labels. */
  countRequest(method: string, route: string, status: number): void {
    this.#requests.inc({ method, route, status: String(status) });
  }

  async #refresh({ source, metric, outage }: Source): Promise<void> {
    const { name } = source;
    try {
      const samples = [...(await this.#readInTime(source))].filter(({ value }) => Number.isFinite(value));
      metric.reset();
      for (const { labels, value } of samples.slice(0, SAMPLES_MAX)) metric.inc({ ...labels }, value);
      this.#failed.set({ metric: name }, 0);
      this.#leftOut.set({ metric: name }, Math.max(0, samples.length - SAMPLES_MAX));
      outage.over(`${name} can be read again`);
    } catch (error) {
      this.#failed.set({ metric: name }, 1);
      outage.failed({ err: error, metric: name }, 'metric could not be read');
    }
  }

  /** The database may be away just when the numbers are wanted most. */
  async #readInTime(source: MetricSource): Promise<Iterable<MetricSample>> {
    let reading = this.#underWay.get(source);
    if (reading === undefined) {
      reading = Promise.resolve(source.read()).finally(() => this.#underWay.delete(source));
      this.#underWay.set(source, reading);
    }
    let giveUp: TimerHandle | undefined;
    const late = new Promise<never>((_, reject) => {
      giveUp = this.#timers.after(READ_MAX_MS, () => reject(new Error(`no answer within ${READ_MAX_MS} ms`)));
    });
    try {
      return await Promise.race([reading, late]);
    } finally {
      giveUp?.cancel();
    }
  }
}
