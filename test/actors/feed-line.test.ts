import { describe, expect, it } from 'vitest';
import { FeedLine, INBOX_PAUSE_BYTES, INBOX_PAUSE_FRAMES } from '../../src/actors/feed-line.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ScriptedTransport } from './support.ts';

function openLine() {
  const transport = new ScriptedTransport();
  let fullCount = 0;
  const line = new FeedLine({
    transport,
    socket: { url: 'ws://plain', frameMaxBytes: 1, handshakeTimeoutMs: 1 },
    clock: new FakeClock(),
    onWakeUp: () => undefined,
    onFull: () => fullCount++,
  });
  const { handlers } = transport.last;
  return { line, socket: transport.last, receive: handlers.onFrame, fullCount: () => fullCount };
}

describe('the inbox of a socket', () => {
  it('pauses the socket when it holds too many frames', () => {
    const { line, socket, receive, fullCount } = openLine();
    for (let count = 1; count < INBOX_PAUSE_FRAMES; count++) receive('x', 0);
    expect(socket.isPaused).toBe(false);
    receive('x', 0);
    receive('x', 0);
    expect([socket.isPaused, line.inboxCount, fullCount()]).toEqual([true, INBOX_PAUSE_FRAMES + 1, 1]);
  });

  it('pauses the socket when few large frames and answers come to too many bytes', () => {
    const { line, socket, receive } = openLine();
    receive('x'.repeat(INBOX_PAUSE_BYTES / 2), 0);
    receive(new Uint8Array(INBOX_PAUSE_BYTES / 4), 0);
    expect(socket.isPaused).toBe(false);
    const answer = { ok: true, status: 200, body: 'x'.repeat(INBOX_PAUSE_BYTES / 4) } as const;
    line.put({ type: 'answer', nativeSymbol: 'X' as never, answer, receiveTimeMs: 0 });
    expect([socket.isPaused, line.inboxBytes]).toEqual([true, INBOX_PAUSE_BYTES]);
    line.take();
    expect(line.inboxBytes).toBe(0);
  });
});
