/**
 * The WebSocket gateway: `/v1/stream` of the admin server, for whoever may read the REST. It hears what instruments publish as Redis does, and tells it
 * to clients at the pace of each. In a cluster it hears what other nodes publish too (`elsewhere`).
 */
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { TimerHandle } from '../../base/clock.ts';
import { TampinesError } from '../../base/errors.ts';
import type { QueueReading } from '../../base/queue-reading.ts';
import { SlidingBudget } from '../../base/sliding-budget.ts';
import { createAccessCheck, refuseAmbiguous, requireAllowedOrigin } from '../access.ts';
import type { AccessRequest } from '../access.ts';
import type { MetricSource } from '../metrics.ts';
import { pathOf, toProblem } from '../problems.ts';
import { endWithProblem } from '../raw-answer.ts';
import { ADMIN_CONNECTIONS_MAX } from '../request-limits.ts';
import { ChannelDirectory } from './channel-directory.ts';
import { FirstValues } from './first-values.ts';
import {
  CLOSE_GRACE_MS,
  GATEWAY_CLIENTS_MAX,
  HANDSHAKES_PER_SECOND_MAX,
  LOOK_EVERY_MS,
  MESSAGE_MAX_BYTES,
} from './gateway-limits.ts';
import type { GatewayOptions } from './gateway-options.ts';
import { gatewayMetrics, gatewayReadings } from './gateway-readings.ts';
import type { SessionTotals } from './gateway-session.ts';
import { GatewaySession } from './gateway-session.ts';
import { CLOSE_CODES, welcomeText } from './stream-messages.ts';

export const STREAM_PATH = '/v1/stream';

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #http: Server;
  readonly #checkAccess: (request: AccessRequest) => void;
  readonly #handshakes = new SlidingBudget({ maxWeight: HANDSHAKES_PER_SECOND_MAX, windowMs: 1_000 });
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MESSAGE_MAX_BYTES,
    // Frames are compressed by us, once for all (`shared-frame.ts`): here it is only agreed on, and what clients send is read.
    perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true },
  });
  readonly #directory: ChannelDirectory;
  readonly #firstValues: FirstValues;
  readonly #sessions = new Map<GatewaySession, WebSocket>();
  readonly #unflushed = new Set<GatewaySession>();
  readonly #totals: SessionTotals = {
    eventBytes: 0,
    replacedCount: 0,
    droppedCount: 0,
    sentCount: 0,
    sentBytes: 0,
    endedCounts: new Map(),
  };
  readonly #stopHearing: () => void;
  #refusedCount = 0;
  #looking: TimerHandle | undefined;
  #isFlushDue = false;
  /** Something was not sent for want of the lease. */
  #isHeldBack = false;
  #heldSinceMs = 0;
  #isClosed = false;

  /** Takes the upgrades of the server from now on. */
  constructor(http: Server, options: GatewayOptions) {
    this.#http = http;
    this.#options = options;
    this.#checkAccess = createAccessCheck(options);
    this.#directory = new ChannelDirectory(options);
    this.#firstValues = new FirstValues({ ...options, directory: this.#directory });
    this.#stopHearing = options.lease.onHeld(() => this.#goOn());
    http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  get metrics(): MetricSource[] {
    return gatewayMetrics(this.#totals);
  }

  readings(): QueueReading[] {
    return gatewayReadings([...this.#sessions.keys()], this.#totals, this.#refusedCount);
  }

  /** Tells all clients that the node stops; resolves when they are gone, after a grace at the latest. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopHearing();
    const gone = [...this.#sessions].map(([session, webSocket]) => {
      session.end('stopping', 'the node stops');
      return new Promise<void>((resolve) => webSocket.once('close', () => resolve()));
    });
    const timer = this.#options.timers.after(CLOSE_GRACE_MS, () => {
      for (const webSocket of this.#sessions.values()) webSocket.terminate();
    });
    await Promise.all(gone);
    timer.cancel();
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const ignore = (): void => undefined;
    socket.on('error', ignore);
    try {
      this.#admit(request);
    } catch (error) {
      if (!(error instanceof TampinesError)) throw error;
      endWithProblem(socket, toProblem(error, pathOf(request.url ?? '')));
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', ignore);
      this.#open(request, socket, webSocket);
    });
  }

  /** @throws TampinesError `ROUTE_UNKNOWN` · `REQUEST_INVALID` · `HOST_REFUSED` · `ORIGIN_REFUSED` · `TOO_MANY_REQUESTS` · `SERVICE_UNAVAILABLE` */
  #admit(request: IncomingMessage): void {
    const path = pathOf(request.url ?? '');
    if (path !== STREAM_PATH) {
      throw new TampinesError('ROUTE_UNKNOWN', `There is no stream at ${path.slice(0, 200)}`);
    }
    const { method = '', headers } = request;
    refuseAmbiguous(request);
    this.#checkAccess({ method, headers, ip: request.socket.remoteAddress ?? '' });
    requireAllowedOrigin(request, this.#options.allowedOrigins);
    if (this.#isClosed) throw new TampinesError('SERVICE_UNAVAILABLE', 'The node stops');
    if (this.#sessions.size >= GATEWAY_CLIENTS_MAX) {
      throw this.#refuse(`${GATEWAY_CLIENTS_MAX} clients are connected`);
    }
    if (this.#handshakes.take(1, this.#options.clock.monotonicMs()) > 0) {
      throw this.#refuse(`${HANDSHAKES_PER_SECOND_MAX} came within this second`);
    }
  }

  #refuse(why: string): TampinesError {
    this.#refusedCount++;
    return new TampinesError('TOO_MANY_REQUESTS', `The client was not taken: ${why}`, { isRetryable: true });
  }

  #open(request: IncomingMessage, socket: Socket, webSocket: WebSocket): void {
    const { clock, channels } = this.#options;
    const session = new GatewaySession(
      {
        clock,
        channels,
        directory: this.#directory,
        firstValues: this.#firstValues,
        totals: this.#totals,
        soon: (told) => this.#flushSoon(told),
      },
      { socket, peer: webSocket, takesDeflate: takesDeflate(request, webSocket) },
    );
    this.#sessions.set(session, webSocket);
    this.#count();
    socket.on('drain', () => this.#flushSoon(session));
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) session.receive(data.toString());
      else if (session.heard()) webSocket.close(CLOSE_CODES.binary, 'messages are JSON text');
    });
    webSocket.on('ping', () => void session.heard());
    webSocket.on('pong', () => void session.heard());
    // `ws` closes with the code that fits (a message too large, text that is no UTF-8, …).
    webSocket.on('error', (error) =>
      this.#options.log.debug({ err: error }, 'a client of the stream failed'),
    );
    webSocket.on('close', () => {
      session.leaveAll();
      this.#sessions.delete(session);
      this.#unflushed.delete(session);
      this.#count();
    });
    session.answer(welcomeText(this.#options));
  }

  /** Clients are no connections of the REST, and have their own limit. */
  #count(): void {
    this.#http.maxConnections = ADMIN_CONNECTIONS_MAX + this.#sessions.size;
    if (this.#sessions.size > 0) {
      this.#looking ??= this.#options.timers.every(LOOK_EVERY_MS, () => this.#look());
      return;
    }
    this.#looking?.cancel();
    this.#looking = undefined;
  }

  #look(): void {
    for (const session of this.#sessions.keys()) session.look(this.#heldSinceMs);
    this.#options.channels.forgetUnread();
    this.#options.elsewhere?.keep((channel) => this.#directory.isElsewhere(channel));
    this.#firstValues.askUnknown();
  }

  #flushSoon(session: GatewaySession): void {
    this.#unflushed.add(session);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    // What comes within this turn of the event loop goes to each client in one write.
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    const mayPromise = this.#options.lease.isHeld();
    if (!mayPromise) this.#isHeldBack = true;
    const sessions = [...this.#unflushed];
    this.#unflushed.clear();
    for (const session of sessions) session.flush({ mayPromise });
  }

  /** The lease was confirmed: what waited for it is sent. */
  #goOn(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.#heldSinceMs = this.#options.clock.monotonicMs();
    for (const session of this.#sessions.keys()) this.#flushSoon(session);
  }
}

/** Frames are compressed for the largest window, which is what clients take unless they say otherwise. */
function takesDeflate({ headers }: IncomingMessage, { extensions }: WebSocket): boolean {
  const wantsSmallWindow = headers['sec-websocket-extensions']?.includes('server_max_window_bits') ?? false;
  return extensions.includes('permessage-deflate') && !wantsSmallWindow;
}
