/**
 * Gets the first value of a channel from its instrument. The answer is offered to the channel within the instrument's own turn, so that whatever it
 * publishes later comes after it. One that can't answer (parked, on its way back, held up) is asked again; until then its readers are told so.
 */
import type { Instruments } from '../../actors/instruments.ts';
import type { LiveChannels } from '../../actors/ports.ts';
import type { ElsewhereChannels } from '../cluster-options.ts';
import type { ChannelDirectory } from './channel-directory.ts';

export type FirstValuesOptions = {
  readonly instruments: Instruments;
  readonly channels: LiveChannels;
  readonly directory: ChannelDirectory;
  readonly elsewhere?: ElsewhereChannels | undefined;
};

export class FirstValues {
  readonly #options: FirstValuesOptions;
  readonly #asked = new Set<string>();

  constructor(options: FirstValuesOptions) {
    this.#options = options;
  }

  /** Asks for all channels that somebody reads and nobody has said anything of. */
  askUnknown(): void {
    for (const channel of this.#options.channels.unknownChannels()) void this.ask(channel);
  }

  async ask(channel: string): Promise<void> {
    if (this.#asked.has(channel)) return;
    this.#asked.add(channel);
    const { instruments, channels, directory, elsewhere } = this.#options;
    try {
      const { instrument, read, isElsewhere } = directory.find(channel);
      if (isElsewhere) {
        elsewhere?.follow(channel);
        return;
      }
      if (instrument === undefined || read === undefined) {
        channels.offer(channel, undefined);
        return;
      }
      await instruments.view(instrument.instrument, (view) =>
        channels.offer(channel, read(view, instrument)),
      );
    } catch (error) {
      channels.doubt(
        channel,
        `its instrument can't be asked: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      this.#asked.delete(channel);
    }
  }
}
