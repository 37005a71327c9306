/**
 * Sockets for kafkajs that hand over whole answers only. It keeps the beginning of an answer whose connection broke, puts the first bytes of the next
 * connection behind it, reads lengths out of the middle of answers from then on, and throws where nobody catches: the process ends
 * (https://github.com/tulios/kafkajs/issues/715). Here the beginning of an answer is gone with its socket.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;
/** Before each answer: how many bytes follow (https://kafka.apache.org/protocol#protocol_common). */
const LENGTH_BYTES = 4;

export const socketOfWholeAnswers: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const named = net.isIP(host) === 0 ? { servername: host } : {};
  // Without TLS it is none of what its type says.
  const secured = ssl as tls.ConnectionOptions | false | undefined;
  const socket = secured
    ? tls.connect({ host, port, ...named, ...secured }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
  const listen = socket.on.bind(socket) as (
    name: string,
    listener: (...args: never[]) => void,
  ) => typeof socket;
  const garbled = (reason: string): void => void socket.destroy(new Error(reason));
  socket.on = (name: string, listener: (...args: never[]) => void) =>
    listen(name, name === 'data' ? cutIntoAnswers(listener as (answer: Buffer) => void, garbled) : listener);
  return socket;
};

/** Returns what takes the bytes of one connection as they come and passes each answer on when it is whole, with its length before it. */
export function cutIntoAnswers(
  take: (answer: Buffer) => void,
  garbled: (reason: string) => void,
): (bytes: Buffer) => void {
  let chunks: Buffer[] = [];
  let heldBytes = 0;
  let wantedBytes = LENGTH_BYTES;
  return (bytes) => {
    chunks.push(bytes);
    heldBytes += bytes.length;
    while (heldBytes >= wantedBytes) {
      const held = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      const length = held.readInt32BE(0);
      if (length < 0) {
        garbled(`Kafka's answer has a length of ${length} bytes`);
        return;
      }
      chunks = [held];
      wantedBytes = LENGTH_BYTES + length;
      if (heldBytes < wantedBytes) return;
      const rest = held.subarray(wantedBytes);
      take(held.subarray(0, wantedBytes));
      chunks = rest.length === 0 ? [] : [rest];
      heldBytes = rest.length;
      wantedBytes = LENGTH_BYTES;
    }
  };
}
