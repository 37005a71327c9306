/** REST requests whose answers come in by the inbox of a line, so that they keep their order with its frames. */
import type { Clock } from '../base/clock.ts';
import type { HttpRequest } from '../exchanges/adapter.ts';
import type { SnapshotAnswer } from '../exchanges/feed-session.ts';
import type { ExchangeGate, GateRequestOptions } from './exchange-gate.ts';
import type { FeedLine, LineItem } from './feed-line.ts';

export type LineRequestOptions = GateRequestOptions & {
  /** Returns what is put into the inbox. */
  readonly toItem: (answer: SnapshotAnswer, receiveTimeMs: number) => LineItem;
  readonly gate: ExchangeGate;
  readonly clock: Clock;
};

/** Sends the request when its turn comes; the answer, or why there is none, is put into the line's inbox. Never rejects. */
export async function requestInto(
  line: FeedLine | undefined,
  request: HttpRequest,
  { toItem, gate, clock, ...options }: LineRequestOptions,
): Promise<void> {
  try {
    const { status, body, receiveTimeMs } = await gate.request(request, options);
    line?.put(toItem({ ok: true, status, body }, receiveTimeMs));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    line?.put(toItem({ ok: false, reason }, clock.nowMs()));
  }
}
