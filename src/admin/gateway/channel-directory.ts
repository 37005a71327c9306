/** Which channels this node has, by name, and how the value of one is read from its instrument: the text that is published, at the same version. */
import type { Instruments } from '../../actors/instruments.ts';
import type { DesiredInstrument, Documents, Publication } from '../../actors/ports.ts';
import { SUPERVISION_CHANNEL } from '../../actors/ports.ts';
import type { SymbolView } from '../../actors/symbol-protocol.ts';
import { TampinesError } from '../../base/errors.ts';
import type { ElsewhereChannels } from '../cluster-options.ts';
import type { CandleInterval } from '../../market/intervals.ts';
import { MarketDocuments } from '../market-documents.ts';

export type ChannelDirectoryOptions = {
  readonly instruments: Instruments;
  /** In a cluster. */
  readonly elsewhere?: ElsewhereChannels | undefined;
  readonly documents: Documents;
  /** Of this node as writer. */
  readonly epoch: number;
  readonly bookResolutions: readonly number[];
  readonly bookDepth: number;
  readonly candleIntervals: readonly CandleInterval[];
};

export type FoundChannel = {
  /** Whose it is; `undefined` where it is the node's. */
  readonly instrument: DesiredInstrument | undefined;
  /** Reads the value; `undefined` where the channel has events only. */
  readonly read: ReadValue | undefined;
  /** Another node has the instrument. */
  readonly isElsewhere: boolean;
};

export type ReadValue = (view: SymbolView, instrument: DesiredInstrument) => Publication | undefined;

type ReadText = (view: SymbolView, instrument: DesiredInstrument) => string | undefined;
type Parsed = {
  /** Of the instrument. */
  readonly name: string;
  readonly channelOf: (instrument: DesiredInstrument) => string;
  readonly read: ReadText | undefined;
  /** It goes to no Redis, so no other node hears it. */
  readonly isOfOwnNode?: boolean;
};

const CLOSED_END = ':closed';

export class ChannelDirectory {
  readonly #options: ChannelDirectoryOptions;
  readonly #documents: MarketDocuments;

  constructor(options: ChannelDirectoryOptions) {
    this.#options = options;
    this.#documents = new MarketDocuments(options);
  }

  /** @throws TampinesError `CHANNEL_UNKNOWN` · `INSTRUMENT_UNKNOWN` */
  find(channel: string): FoundChannel {
    if (channel === SUPERVISION_CHANNEL)
      return { instrument: undefined, read: undefined, isElsewhere: false };
    const parsed = this.#parse(channel);
    const { instruments, elsewhere } = this.#options;
    const here = instruments.find(parsed.name);
    const instrument = here ?? elsewhere?.find(parsed.name);
    if (instrument === undefined) {
      throw new TampinesError('INSTRUMENT_UNKNOWN', `${parsed.name.slice(0, 120)} is not running here`);
    }
    // Where keys go by number there are no channels by name, and the other way round.
    if (parsed.channelOf(instrument) !== channel) throw unknownChannel(channel);
    const isElsewhere = here === undefined;
    if (isElsewhere && parsed.isOfOwnNode) {
      const message = `${channel.slice(0, 120)} is told by the node that has the instrument: see GET /v1/cluster`;
      throw new TampinesError('CHANNEL_UNKNOWN', message);
    }
    const { read } = parsed;
    return {
      instrument,
      isElsewhere,
      read: read && ((view, of) => this.#publication(channel, view, read(view, of))),
    };
  }

  /** Whether what is told on the channel comes from another node. */
  isElsewhere(channel: string): boolean {
    try {
      return this.find(channel).isElsewhere;
    } catch (error) {
      if (error instanceof TampinesError) return false;
      throw error;
    }
  }

  #publication(key: string, view: SymbolView, value: string | undefined): Publication | undefined {
    if (value === undefined) return undefined;
    return { key, epoch: this.#options.epoch, seq: view.state.position, value, kind: 'latest' };
  }

  #parse(channel: string): Parsed {
    const { documents, bookResolutions, bookDepth, candleIntervals } = this.#options;
    const kindEnd = channel.indexOf(':');
    const kind = channel.slice(0, Math.max(0, kindEnd));
    const rest = channel.slice(kindEnd + 1);
    if (kind === 'ticker') {
      return {
        name: rest,
        channelOf: (instrument) => documents.tickerKey(instrument),
        read: (view, instrument) =>
          view.state.ticker.read() === undefined ? undefined : this.#documents.ticker(view, instrument),
      };
    }
    if (kind === 'trades') {
      const channelOf = (instrument: DesiredInstrument): string => documents.tradesChannel(instrument);
      return { name: rest, channelOf, read: undefined, isOfOwnNode: true };
    }
    const isClosed = kind === 'candle' && rest.endsWith(CLOSED_END);
    const [name, last] = splitLast(isClosed ? rest.slice(0, -CLOSED_END.length) : rest);
    const resolution =
      kind === 'orderbook' ? bookResolutions.find((each) => String(each) === last) : undefined;
    if (resolution !== undefined) {
      return {
        name,
        channelOf: (instrument) => documents.bookKey(instrument, resolution),
        read: (view, instrument) =>
          this.#documents.book(view, instrument, {
            resolution,
            depth: instrument.settings?.bookDepth ?? bookDepth,
          }),
      };
    }
    const interval = kind === 'candle' ? candleIntervals.find((each) => each === last) : undefined;
    if (interval === undefined) throw unknownChannel(channel);
    if (isClosed) {
      const channelOf = (instrument: DesiredInstrument): string =>
        documents.closedCandlesKey(instrument, interval);
      return { name, channelOf, read: undefined };
    }
    return {
      name,
      channelOf: (instrument) => documents.candleKey(instrument, interval),
      read: (view, instrument) => this.#documents.openCandle(view, instrument, interval),
    };
  }
}

/** A symbol may hold colons itself. */
function splitLast(text: string): [before: string, last: string] {
  const colon = text.lastIndexOf(':');
  return [text.slice(0, Math.max(0, colon)), text.slice(colon + 1)];
}

function unknownChannel(channel: string): TampinesError {
  return new TampinesError('CHANNEL_UNKNOWN', `There is no channel ${channel.slice(0, 120)} on this node`);
}
