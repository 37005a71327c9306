/** A client of the stream on a clock that stands still, behind a socket that takes so much and no more. */
import { constants, inflateRawSync } from 'node:zlib';
import type { ChannelDirectory } from '../../../src/admin/gateway/channel-directory.ts';
import type { FirstValues } from '../../../src/admin/gateway/first-values.ts';
import type { FrameSocket, SessionTotals, StreamPeer } from '../../../src/admin/gateway/gateway-session.ts';
import { GatewaySession } from '../../../src/admin/gateway/gateway-session.ts';
import type { Publication } from '../../../src/actors/ports.ts';
import { InProcessChannels } from '../../../src/publishing/in-process-channels.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { Told } from './stream-client.ts';

/** Keeps frames until it is read; with more than `capacity` of them it wants to be read first. */
export class StallingSocket implements FrameSocket {
  capacity = Number.POSITIVE_INFINITY;
  readonly frames: Buffer[] = [];

  get writableNeedDrain(): boolean {
    return this.frames.length >= this.capacity;
  }

  write(frame: Buffer): boolean {
    this.frames.push(frame);
    return !this.writableNeedDrain;
  }

  cork(): void {
    return;
  }

  uncork(): void {
    return;
  }

  read(): Told[] {
    return this.frames.splice(0).map((frame) => JSON.parse(readFrame(frame)) as Told);
  }
}

/** Returns the text of a frame that a server sent. */
export function readFrame(frame: Buffer): string {
  const short = frame[1]!;
  const headLength = short < 126 ? 2 : short === 126 ? 4 : 10;
  const payload = frame.subarray(headLength);
  const length =
    short < 126 ? short : short === 126 ? frame.readUInt16BE(2) : Number(frame.readBigUInt64BE(2));
  if (payload.length !== length) throw new Error(`A frame of ${length} bytes holds ${payload.length}`);
  if (frame[0] === 0x81) return payload.toString();
  if (frame[0] !== 0xc1) throw new Error(`A frame begins with ${frame[0]!}`);
  const whole = Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]);
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
}

export function createSession(options: { takesDeflate?: boolean } = {}) {
  const clock = new FakeClock();
  const channels = new InProcessChannels({ clock, epoch: 1 });
  const socket = new StallingSocket();
  const done: string[] = [];
  const peer: StreamPeer = {
    ping: () => void done.push('ping'),
    close: (code, reason) => void done.push(`close ${code}: ${reason}`),
    terminate: () => void done.push('terminate'),
  };
  const totals: SessionTotals = {
    eventBytes: 0,
    replacedCount: 0,
    droppedCount: 0,
    sentCount: 0,
    sentBytes: 0,
    endedCounts: new Map(),
  };
  const lease = { isHeld: true };
  const flush = (): void => session.flush({ mayPromise: lease.isHeld });
  const session = new GatewaySession(
    {
      clock,
      channels,
      // Every channel is there, and no instrument is asked.
      directory: { find: () => ({ instrument: undefined, read: undefined }) } as unknown as ChannelDirectory,
      firstValues: { ask: () => Promise.resolve() } as unknown as FirstValues,
      totals,
      soon: flush,
    },
    { socket, peer, takesDeflate: options.takesDeflate ?? false },
  );
  let seq = 0;
  return {
    clock,
    channels,
    socket,
    session,
    totals,
    lease,
    done,
    flush,
    subscribe(...names: readonly string[]): void {
      session.receive(JSON.stringify({ type: 'subscribe', channels: names }));
    },
    publish(key: string, fields: Partial<Publication> = {}): number {
      seq++;
      const value = JSON.stringify({ status: 'live', reason: '', n: seq });
      channels.publish([{ key, epoch: 1, seq, value, kind: 'latest', ...fields }]);
      return seq;
    },
    tellTrade(channel: string, text = ''): number {
      seq++;
      channels.tell({ channel, epoch: 1, seq, value: JSON.stringify({ n: seq, text }) });
      return seq;
    },
  };
}
