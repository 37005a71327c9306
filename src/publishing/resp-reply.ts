/** Replies as RESP, in protocol 2 or 3. Text is latin1, one character per byte. */

export type Reply =
  | string
  | number
  | undefined
  | { readonly simple: string }
  | { readonly error: string }
  | readonly Reply[]
  /** Pairs: a map in RESP3, a flat array in RESP2. */
  | { readonly pairs: readonly Reply[] }
  /** Out of band: a push in RESP3, an array in RESP2. */
  | { readonly outOfBand: readonly Reply[] }
  /** Several replies to one request. */
  | { readonly several: readonly Reply[] };

export type RespProtocol = 2 | 3;

export const OK: Reply = { simple: 'OK' };

/** A string is sent as a bulk string, a number as an integer, `undefined` as null. */
export function encodeReply(reply: Reply, protocol: RespProtocol): string {
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (reply === undefined) return protocol === 3 ? '_\r\n' : '$-1\r\n';
  if ('simple' in reply) return `+${reply.simple}\r\n`;
  if ('error' in reply) return `-${reply.error.replaceAll(/[\r\n]/g, ' ')}\r\n`;
  if ('pairs' in reply) {
    const { pairs } = reply;
    return protocol === 3
      ? `%${pairs.length / 2}\r\n${encodeAll(pairs, protocol)}`
      : encodeReply(pairs, protocol);
  }
  if ('outOfBand' in reply) {
    return `${protocol === 3 ? '>' : '*'}${reply.outOfBand.length}\r\n${encodeAll(reply.outOfBand, protocol)}`;
  }
  if ('several' in reply) return encodeAll(reply.several, protocol);
  return `*${reply.length}\r\n${encodeAll(reply, protocol)}`;
}

function encodeAll(replies: readonly Reply[], protocol: RespProtocol): string {
  let text = '';
  for (const each of replies) text += encodeReply(each, protocol);
  return text;
}
