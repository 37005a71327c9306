/**
 * Who may ask, and who may change something, by which name. Reading is open to everyone who reaches the port; a change needs the bearer token or, where
 * none is set, a client on this machine. Web pages of other origins are refused either way: a browser on this machine is a client too.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { TampinesError } from '../base/errors.ts';

/** What of a request decides. */
export type AccessRequest = Pick<FastifyRequest, 'method' | 'headers' | 'ip'>;

export type AccessOptions = {
  /** Address that the server is bound to. */
  readonly host: string;
  /** Empty: changes from loopback only. */
  readonly tokens: readonly NamedToken[];
};

/** A secret, and whose it is. */
export type NamedToken = { readonly name: string; readonly token: string };

/** Who was let in to change something. */
export type Requester = {
  /** Of the token; `local` where none is set. */
  readonly name: string;
  readonly address: string;
};

const LOCAL_NAME = 'local';
const requesters = new WeakMap<AccessRequest, Requester>();

/** Returns who asks for a change; `undefined` for a reader, and for whoever was not let in. */
export function requesterOf(request: AccessRequest): Requester | undefined {
  return requesters.get(request);
}

export const READING_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/** Returns the check of each request; it remembers who changes something. It throws TampinesError `HOST_REFUSED` · `UNAUTHORIZED` · `CHANGE_FORBIDDEN`. */
export function createAccessCheck(options: AccessOptions): (request: AccessRequest) => void {
  const isBoundToLoopback = options.host === 'localhost' || isLoopbackAddress(options.host);
  const digests = options.tokens.map(({ name, token }) => ({ name, digest: digest(token) }));
  return (request) => {
    // A page whose name was rebound to 127.0.0.1 still sends its own name.
    if (isBoundToLoopback && !LOOPBACK_HOST.test(request.headers.host ?? '')) {
      throw new TampinesError(
        'HOST_REFUSED',
        'This server is bound to loopback and answers to its own names only',
      );
    }
    if (READING_METHODS.has(request.method)) return;
    requireOwnOrigin(request);
    const address = request.ip;
    if (digests.length === 0) requireLoopbackClient(request);
    requesters.set(request, {
      name: digests.length === 0 ? LOCAL_NAME : requireToken(request, digests),
      address,
    });
  };
}

/** Where one is there twice, whoever stands before the node may have gone by the other. */
const DECIDING_HEADERS = new Set(['host', 'authorization', 'origin', 'sec-fetch-site']);

/** @throws TampinesError `REQUEST_INVALID` where others could read the request otherwise than this node: a header that decides comes twice, or its first line names more than a path */
export function refuseAmbiguous({ url = '', rawHeaders }: Pick<IncomingMessage, 'url' | 'rawHeaders'>): void {
  if (!url.startsWith('/')) {
    throw new TampinesError(
      'REQUEST_INVALID',
      'A request names its path, from / on, and its host in the header',
    );
  }
  const seen = new Set<string>();
  // Names and values by turns.
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (!DECIDING_HEADERS.has(name)) continue;
    if (seen.has(name)) throw new TampinesError('REQUEST_INVALID', `The header ${name} is there twice`);
    seen.add(name);
  }
}

/** Whether an IP address is of this machine only; IPv4 ones may be mapped into IPv6. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address);
}

/**
 * Browsers let every page open a WebSocket to everywhere, and tell only whose page it is: the server has to ask.
 * @param allowedOrigins beside our own; `*` is any
 * @throws TampinesError `ORIGIN_REFUSED`
 */
export function requireAllowedOrigin(
  request: Pick<AccessRequest, 'headers'>,
  allowedOrigins: readonly string[],
): void {
  const { origin } = request.headers;
  if (isFromOwnOrigin(request) || allowedOrigins.includes('*')) return;
  if (origin !== undefined && allowedOrigins.includes(origin)) return;
  throw new TampinesError('ORIGIN_REFUSED', 'Web pages of this origin may not connect');
}

/** Who names no origin is no web page. */
function isFromOwnOrigin({ headers: { origin, host } }: Pick<AccessRequest, 'headers'>): boolean {
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}

function requireOwnOrigin(request: AccessRequest): void {
  const site = request.headers['sec-fetch-site'];
  const isOwnOrigin = isFromOwnOrigin(request);
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  if (isOwnOrigin && isOwnSite) return;
  throw new TampinesError('CHANGE_FORBIDDEN', 'Changes are not taken from web pages of other origins');
}

function requireLoopbackClient(request: AccessRequest): void {
  if (isLoopbackAddress(request.ip)) return;
  const message = 'No token is set (`admin.token`), so changes are taken from the machine of the node only';
  throw new TampinesError('CHANGE_FORBIDDEN', message);
}

/** Returns the name of the token that the request carries. */
function requireToken(
  request: AccessRequest,
  digests: readonly { readonly name: string; readonly digest: Buffer }[],
): string {
  const given = digest(/^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? '');
  // Digests have one length, and all are compared, so that the time tells nothing of any token.
  const [found] = digests.filter((one) => timingSafeEqual(given, one.digest));
  if (found !== undefined) return found.name;
  throw new TampinesError('UNAUTHORIZED', `${request.method} needs the bearer token of this node`);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
