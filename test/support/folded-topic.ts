/** What states, trades and candles of a cluster have to be: the plain fold of its topic, and what its database holds of them. */
import kafkajs from 'kafkajs';
import { logCodec } from '../../src/codec/log-codec.ts';
import { adapters } from '../../src/exchanges/registry.ts';
import { decodeRecord } from '../../src/kafka/record-codec.ts';
import { decide } from '../../src/market/decide.ts';
import { evolve } from '../../src/market/evolve.ts';
import type { InstrumentPolicy, InstrumentState } from '../../src/market/instrument-state.ts';
import { createInstrumentState } from '../../src/market/instrument-state.ts';
import type { InstrumentKey } from '../../src/market/symbols.ts';
import { formatUnits } from '../../src/market/units.ts';
import type { Storage } from '../../src/persistence/open-storage.ts';
import { loadSettings } from '../../src/settings.ts';
import { eventually, queryRows, storedTradeIds } from './running-node.ts';
import { freshName, testKafkaBrokers } from './services.ts';

export type Folded = {
  readonly state: InstrumentState;
  readonly tradeIds: Set<string>;
  /** By interval and open time. */
  readonly candles: Map<string, string>;
};

/** What nodes of these settings fold by. */
export function policyOf(
  assignments: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): InstrumentPolicy {
  const { settings } = loadSettings({ environment, assignments });
  return {
    checksum: adapters.get('binance')?.checksum,
    candles: settings.candles,
    maxFutureMs: settings.feed.maxFutureMs,
  };
}

/** The plain fold of all that a topic holds, by instrument; what nobody can read is left out. */
export async function foldTopic(
  topic: string,
  policy: InstrumentPolicy,
): Promise<Map<InstrumentKey, Folded>> {
  const folded = new Map<InstrumentKey, Folded>();
  for (const [key, value, headers, offset] of await readAll(topic)) {
    const record = decodeRecord(offset, { key, value, headers: headers ?? {} });
    if (record.type === 'unreadable') continue;
    const { instrument, batch } = record;
    if (!folded.has(instrument)) {
      folded.set(instrument, {
        state: createInstrumentState(policy),
        tradeIds: new Set(),
        candles: new Map(),
      });
    }
    const { state, tradeIds, candles } = folded.get(instrument)!;
    const { entry } = decide(state, batch, policy);
    if (entry === undefined) continue;
    evolve(state, entry, policy, {
      onTrade: ({ tradeId }) => void tradeIds.add(tradeId),
      onCandleClosed: ({ interval, openTimeMs, revision, close, volume, tradeCount, scales }) => {
        const texts = [close === undefined ? '' : formatUnits(close, scales.price)];
        texts.push(formatUnits(volume, scales.quantity), String(tradeCount), String(revision));
        candles.set(`${interval} ${openTimeMs}`, texts.join(' '));
      },
      onLateTrade: () => undefined,
      onCandlesSkipped: () => undefined,
      onBookUnsure: () => undefined,
      onBookStatus: () => undefined,
    });
  }
  return folded;
}

type Wire = readonly [Buffer | null, Buffer | null, kafkajs.IHeaders | undefined, number];

async function readAll(topic: string): Promise<Wire[]> {
  const client = new kafkajs.Kafka({
    brokers: [...testKafkaBrokers()],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 1_000 },
  });
  const admin = client.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const wanted = ends.reduce((sum, { high }) => sum + Number(high), 0);
  const consumer = client.consumer({ groupId: freshName('reader') });
  const records: Wire[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message: { key, value, headers, offset } }) => {
      records.push([key, value, headers, Number(offset)]);
      return Promise.resolve();
    },
  });
  await eventually(`${topic} is read`, () => Promise.resolve(records.length === wanted ? true : undefined));
  await consumer.disconnect();
  return records;
}

/** What the database holds of the instrument, in the words of the fold. */
export async function readStored(
  { storage, schema }: { readonly storage: Storage; readonly schema: string },
  instrument: InstrumentKey,
) {
  const candles = await queryRows<{ key: string; text: string }>(
    `SELECT interval || ' ' || open_time_ms AS key,
        concat_ws(' ', coalesce(close::text, ''), volume, trade_count, revision) AS text
      FROM ${schema}.candle JOIN ${schema}.instrument ON id = instrument_id WHERE key = $1`,
    [instrument],
  );
  const snapshot = await storage.journal.latestSnapshot(instrument);
  return {
    state: Buffer.from(logCodec.encodeState(snapshot!.state)).toString('hex'),
    tradeIds: new Set(await storedTradeIds(schema, instrument)),
    candles: new Map(candles.map(({ key, text }) => [key, text])),
  };
}
