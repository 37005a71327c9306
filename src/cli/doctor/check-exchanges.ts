/** Whether exchanges can be reached from here, by REST and by WebSocket, and what time it is there. */
import { WebSocket } from 'ws';
import type { ExchangeAdapter } from '../../exchanges/adapter.ts';
import type { Settings } from '../../settings-schema.ts';
import { checkOffset } from './clock-offset.ts';
import type { Finding } from './finding.ts';
import { CHECK_TIMEOUT_MS, fail, ok, reasonOf, warn } from './finding.ts';

/** Statuses by which exchanges refuse an address or its country; another one only means that nothing is at the root of the service. */
const REFUSALS = new Set([403, 418, 429, 451]);

/** What an answer looks like that a service gives over HTTP. */
type Answer = { readonly status: number; readonly date: string | null };

export async function checkExchange(adapter: ExchangeAdapter, settings: Settings): Promise<Finding[]> {
  const own = settings.exchanges[adapter.exchange];
  const restUrl =
    own?.restUrl === undefined || own.restUrl === '' ? adapter.defaultEndpoints.rest : own.restUrl;
  const wsUrl = own?.wsUrl === undefined || own.wsUrl === '' ? adapter.defaultEndpoints.ws : own.wsUrl;
  const [rest, ws] = await Promise.all([
    checkRest(adapter.exchange, restUrl, settings),
    reach(`exchange ${adapter.exchange} (WebSocket)`, wsUrl, () => openSocket(wsUrl)),
  ]);
  return [...rest, ws];
}

async function checkRest(exchange: string, url: string, settings: Settings): Promise<Finding[]> {
  let clock: Finding | undefined;
  const finding = await reach(`exchange ${exchange} (REST)`, url, async () => {
    const sentMs = Date.now();
    const response = await fetch(url, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS), redirect: 'manual' });
    const heardMs = Date.now();
    await response.body?.cancel();
    const date = response.headers.get('date');
    const theirMs = date === null ? Number.NaN : Date.parse(date);
    if (!Number.isNaN(theirMs)) {
      clock = checkOffset(exchange, { sentMs, heardMs, theirMs, resolutionMs: 1_000 }, settings);
    }
    return { status: response.status, date };
  });
  return clock === undefined ? [finding] : [finding, clock];
}

async function reach(
  check: string,
  url: string,
  ask: () => Promise<Pick<Answer, 'status'>>,
): Promise<Finding> {
  try {
    const { status } = await ask();
    if (!REFUSALS.has(status)) return ok(check, `${url} answers`);
    const toDo = 'the exchange refuses this address: wait, or use one that it takes';
    return warn(check, `${url} answers with status ${status}`, toDo);
  } catch (error) {
    const toDo = 'check the network, DNS and firewall, or the address in the settings `exchanges`';
    return fail(check, `${url}: ${reasonOf(error)}`, toDo);
  }
}

/** Resolves with 101 when the handshake came through, else with the status it was refused with. */
function openSocket(url: string): Promise<{ readonly status: number }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { handshakeTimeout: CHECK_TIMEOUT_MS });
    const end = (status: number): void => {
      resolve({ status });
      socket.terminate();
    };
    socket.on('open', () => end(101));
    socket.on('unexpected-response', (_request, response) => end(response.statusCode ?? 0));
    socket.on('error', reject);
  });
}
