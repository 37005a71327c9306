/** Answers on a connection that never became a request of the application: it carries no HTTP, or wants to be a WebSocket and may not. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { TampinesError } from '../base/errors.ts';
import { ANSWER_HEADERS } from './answer-headers.ts';
import type { Problem } from './problems.ts';
import { PROBLEM_TYPE, toProblem } from './problems.ts';

/** What is no HTTP never becomes a request. */
export function answerUnreadable(error: Error, socket: Socket): void {
  if (!socket.writable || ('code' in error && error.code === 'ECONNRESET')) {
    socket.destroy();
    return;
  }
  const message = 'The bytes on the connection are no HTTP request that can be read';
  endWithProblem(socket, toProblem(new TampinesError('REQUEST_INVALID', message), ''));
}

export function endWithProblem(socket: Duplex, problem: Problem): void {
  const body = JSON.stringify(problem);
  const status = `${problem.status} ${STATUS_CODES[problem.status] ?? 'Problem'}`;
  const headers = {
    ...ANSWER_HEADERS,
    'content-type': PROBLEM_TYPE,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`);
}
