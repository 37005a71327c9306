/** The messages of the stream protocol that belong to one client (docs/gateway.md). What all readers of a channel are told is made where it is published. */
import { z } from 'zod';
import type { ErrorCode } from '../../base/errors.ts';
import { TampinesError } from '../../base/errors.ts';
import { parseShallowJson } from '../json-body.ts';
import { CHANNELS_PER_MESSAGE_MAX, CLIENT_CHANNELS_MAX, MESSAGES_PER_SECOND_MAX } from './gateway-limits.ts';

/** Version of the protocol: it grows when a message changes its meaning or goes. */
export const PROTOCOL_VERSION = 1;

/** Why the node ends a connection, beside the codes of RFC 6455. */
export const CLOSE_CODES = { stopping: 1001, binary: 1003, slowReader: 4008, tooManyMessages: 4029 } as const;

const id = z.int().nonnegative().optional();
const channels = z.array(z.string().min(1).max(160)).min(1).max(CHANNELS_PER_MESSAGE_MAX);

const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('subscribe'), id, channels }),
  z.strictObject({ type: z.literal('unsubscribe'), id, channels }),
  z.strictObject({ type: z.literal('ping'), id }),
]);

export type ClientMessage = z.output<typeof clientMessage>;

/** @throws TampinesError `REQUEST_INVALID` */
export function parseClientMessage(text: string): ClientMessage {
  const parsed = clientMessage.safeParse(parseShallowJson(text));
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new TampinesError('REQUEST_INVALID', `The message is not valid: ${path.join('.')}: ${message}`);
}

export function welcomeText(node: { readonly node: string; readonly epoch: number }): string {
  return JSON.stringify({
    type: 'welcome',
    protocol: PROTOCOL_VERSION,
    node: node.node,
    epoch: node.epoch,
    limits: {
      channels: CLIENT_CHANNELS_MAX,
      channelsPerMessage: CHANNELS_PER_MESSAGE_MAX,
      messagesPerSecond: MESSAGES_PER_SECOND_MAX,
    },
  });
}

export type RefusedChannel = {
  readonly channel: string;
  readonly code: ErrorCode;
  readonly message: string;
};

export function subscribedText(
  requestId: number | undefined,
  taken: readonly string[],
  refused: readonly RefusedChannel[],
): string {
  return JSON.stringify({ type: 'subscribed', id: requestId, channels: taken, refused });
}

export function unsubscribedText(requestId: number | undefined, left: readonly string[]): string {
  return JSON.stringify({ type: 'unsubscribed', id: requestId, channels: left });
}

export function pongText(requestId: number | undefined): string {
  return JSON.stringify({ type: 'pong', id: requestId });
}

export function errorText({ code, message }: Pick<TampinesError, 'code' | 'message'>): string {
  return JSON.stringify({ type: 'error', code, message: message.slice(0, 300) });
}

export function droppedText(channel: string, count: number): string {
  return JSON.stringify({ type: 'dropped', channel, count });
}

export function warningText(late: { readonly lateMs: number; readonly disconnectMs: number }): string {
  return JSON.stringify({
    type: 'warning',
    code: 'SLOW_READER',
    message: `You read too slowly: a message has waited for ${late.lateMs} ms, at ${late.disconnectMs} ms you are disconnected`,
    lateMs: late.lateMs,
  });
}
