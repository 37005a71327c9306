/** The connection to the node: its stream, and whether its REST answers. While either is lost, nothing that is shown can be taken for how things are. */
import type { ConnectionStatus } from 'tampines/client';
import { GatewayClient } from 'tampines/client';
import { Store } from '../state/store.ts';
import { RefusedError } from './rest.ts';

export type LinkStatus =
  | { readonly state: 'connecting' }
  | { readonly state: 'open'; readonly node: string }
  | { readonly state: 'lost'; readonly reason: string; readonly sinceMs: number };

/** An operator who waits for a node to come back does not want to wait half a minute more. */
const RETRY = { initialMs: 250, maxMs: 3_000 };

export class NodeLink {
  readonly status = new Store<LinkStatus>({ state: 'connecting' });
  readonly stream: GatewayClient;
  /** Milliseconds that the clock of the node is ahead of ours. */
  #aheadMs = 0;
  #streamStatus: ConnectionStatus = { state: 'connecting' };
  #restFailure: string | undefined;

  constructor(url: string) {
    this.stream = new GatewayClient({
      url,
      retry: RETRY,
      onStatus: (status) => {
        // Each new attempt is still the same loss.
        if (status.state === 'connecting' && this.#streamStatus.state === 'waiting') return;
        this.#streamStatus = status;
        this.#judge();
      },
    });
  }

  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  /** The node said what time it is. */
  noteTime(timeMs: number): void {
    this.#aheadMs = timeMs - Date.now();
  }

  noteAnswer(): void {
    if (this.#restFailure === undefined) return;
    this.#restFailure = undefined;
    this.#judge();
  }

  /** Only what never came to an answer says anything of the connection. */
  noteFailure(error: unknown): void {
    if (error instanceof RefusedError) {
      this.noteAnswer();
      return;
    }
    this.#restFailure = 'the node does not answer';
    this.#judge();
  }

  #judge(): void {
    const reason =
      this.#streamStatus.state === 'waiting' || this.#streamStatus.state === 'closed'
        ? streamReason(this.#streamStatus)
        : this.#restFailure;
    const before = this.status.get();
    if (reason !== undefined) {
      const sinceMs = before.state === 'lost' ? before.sinceMs : this.nowMs();
      this.status.set({ state: 'lost', reason, sinceMs });
    } else if (this.#streamStatus.state === 'open') {
      this.status.set({ state: 'open', node: this.#streamStatus.node });
    }
  }
}

function streamReason(status: ConnectionStatus): string {
  return status.state === 'waiting' ? status.reason : 'the connection was closed';
}

export const nodeLink = new NodeLink(
  `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1/stream`,
);

/** Calls when the node is there again after it was lost. */
export function onReturn(call: () => void): () => void {
  let wasLost = false;
  return nodeLink.status.subscribe(() => {
    const { state } = nodeLink.status.get();
    if (state === 'open' && wasLost) call();
    wasLost = state === 'lost';
  });
}
