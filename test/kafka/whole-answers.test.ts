import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cutIntoAnswers, socketOfWholeAnswers } from '../../src/kafka/whole-answers.ts';

const withLength = (body: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
};
const unexpected = (said: unknown): never => {
  throw new Error(String(said));
};

it('passes each answer on when it is whole, however its bytes come', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(200)), fc.nat(3), (all, cuts, missing) => {
      const answers = all.map(withLength);
      const bytes = Buffer.concat(answers);
      const sent = bytes.subarray(0, Math.max(0, bytes.length - missing));
      const taken: Buffer[] = [];
      const take = cutIntoAnswers((answer) => taken.push(Buffer.from(answer)), unexpected);
      const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, sent.length)), sent.length])].sort(
        (a, b) => a - b,
      );
      places.forEach((place, index) => {
        take(sent.subarray(place, places[index + 1] ?? place));
      });
      let wholeBytes = 0;
      const whole = answers.filter((answer) => (wholeBytes += answer.length) <= sent.length);
      expect(taken).toEqual(whole);
    }),
  );
});

it('tells of a length that none can have', () => {
  const reasons: string[] = [];
  cutIntoAnswers(unexpected, (reason) => reasons.push(reason))(Buffer.from([0xff, 0, 0, 0, 1]));
  expect(reasons).toEqual(["Kafka's answer has a length of -16777216 bytes"]);
});

it('loses the beginning of an answer with the connection that broke in it', async () => {
  const answer = withLength(Buffer.from('whole'));
  let connectionCount = 0;
  const server = net.createServer((socket) => {
    connectionCount++;
    socket.end(connectionCount === 1 ? answer.subarray(0, 6) : Buffer.concat([answer, answer]));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const taken: string[] = [];
  // kafkajs has one place for the bytes of all connections to a broker.
  const onData = (bytes: Buffer): void => void taken.push(bytes.subarray(4).toString());
  for (let connections = 0; connections < 2; connections++) {
    const ssl = undefined as never;
    const socket = socketOfWholeAnswers({ host: '127.0.0.1', port, ssl, onConnect: () => undefined });
    socket.on('data', onData);
    await once(socket, 'close');
  }
  server.close();
  expect(taken).toEqual(['whole', 'whole']);
});
