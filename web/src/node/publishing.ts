/** What this node publishes, and by which names: read from its settings once. */
import { Store } from '../state/store.ts';
import { nodeLink } from './node-link.ts';
import { readJson } from './rest.ts';
import type { SettingsAnswer } from './rest-documents.ts';

export type Publishing = {
  /** Channels name instruments by their number. */
  readonly isByNumber: boolean;
  /** In tick sizes. */
  readonly bookResolutions: readonly number[];
  readonly candleIntervals: readonly string[];
  /** An instrument of which nobody says anything hears at least of the time within that. */
  readonly quietMaxMs: number;
};

export const publishing = new Store<Publishing | undefined>(undefined);

/** Asks until there is an answer. */
export async function learnPublishing(): Promise<void> {
  try {
    const { settings } = await readJson<SettingsAnswer>('/v1/settings');
    const valueOf = (name: string): unknown => settings.find((setting) => setting.name === name)?.value;
    publishing.set({
      isByNumber: valueOf('publish.naming') === 'ids',
      bookResolutions: valueOf('publish.bookResolutions') as number[],
      candleIntervals: valueOf('candles.intervals') as string[],
      quietMaxMs: Math.max(valueOf('feed.heartbeatMs') as number, valueOf('feed.emptyHeartbeatMs') as number),
    });
  } catch (error) {
    nodeLink.noteFailure(error);
    setTimeout(() => void learnPublishing(), 1_000);
  }
}

/** Returns what stands for an instrument in the names of channels. */
export function channelName(
  { isByNumber }: Publishing,
  instrument: { readonly instrumentId: number; readonly exchange: string; readonly symbol: string },
): string {
  return isByNumber ? String(instrument.instrumentId) : `${instrument.exchange}:${instrument.symbol}`;
}
