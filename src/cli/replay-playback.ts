/** The two ways a recording reaches the connection actors: straight in, or through a real WebSocket and HTTP server on loopback. */
import type { FeedTransport } from '../actors/feed-ports.ts';
import type { Clock } from '../base/clock.ts';
import { systemClock, systemTimers } from '../base/clock.ts';
import type { Endpoints, ExchangeAdapter } from '../exchanges/adapter.ts';
import { createLiveTransport } from '../feeds/live-transport.ts';
import { createRecordingServer } from '../feeds/recording-server.ts';
import { createRecordingTransport } from '../feeds/recording-transport.ts';
import type { PlannedConnection } from './recording-plan.ts';

export type Playback = {
  readonly transport: FeedTransport;
  readonly clock: Clock;
  readonly urlOf: (connection: PlannedConnection) => string;
  readonly endpointsOf: (adapter: ExchangeAdapter) => Endpoints;
  /** Whether the connections are closed at the end: then nothing is under way once they are. */
  readonly closesSockets: boolean;
  /** Plays to the end; resolves when the last frame has been handed over (sockets may still hold some). */
  readonly play: (onProgress: (share: number) => void) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** @throws TampinesError `RECORDING_INVALID` */
export function preparePlayback(path: string, through: 'direct' | 'socket'): Promise<Playback> {
  return through === 'direct' ? playStraightIn(path) : playThroughSockets(path);
}

async function playStraightIn(path: string): Promise<Playback> {
  const transport = await createRecordingTransport(path);
  return {
    transport,
    clock: transport.replayClock,
    closesSockets: false,
    urlOf: ({ url }) => url,
    endpointsOf: (adapter) => adapter.defaultEndpoints,
    play: async (onProgress) => {
      await transport.play({ onProgress: ({ readBytes, totalBytes }) => onProgress(readBytes / totalBytes) });
    },
    close: () => {
      transport.stop();
      return Promise.resolve();
    },
  };
}

async function playThroughSockets(path: string): Promise<Playback> {
  const transport = createLiveTransport({ clock: systemClock });
  let report: (share: number) => void = () => undefined;
  const server = await createRecordingServer(path, {
    timers: systemTimers,
    onProgress: ({ readBytes, totalBytes }) => report(readBytes / totalBytes),
  });
  return {
    transport,
    clock: systemClock,
    closesSockets: true,
    urlOf: ({ conn }) => server.endpoints.connection(conn),
    endpointsOf: () => ({ ws: server.endpoints.connection(1), rest: server.endpoints.rest }),
    play: async (onProgress) => {
      report = onProgress;
      await server.drained;
    },
    close: async () => {
      transport.close();
      await server.close();
    },
  };
}
