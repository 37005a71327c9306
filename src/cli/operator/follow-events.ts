/** `tampines events --follow`: events as they come, also over restarts of the node. */
import { supervisionEventsSchema } from '../../admin/operations-schemas.ts';
import { systemTimers } from '../../base/clock.ts';
import { CommandFailure, EXIT_CODES } from '../exit-codes.ts';
import { formatTable } from '../text-table.ts';
import type { AdminClient } from './admin-client.ts';
import type { SupervisionEvent } from './event-columns.ts';
import { EVENT_COLUMNS } from './event-columns.ts';
import type { Screen } from './screen.ts';
import { writeLines } from './screen.ts';

const RECONNECT_MS = 1_000;
const BUFFER_MAX_CHARACTERS = 4 * 1024 * 1024;
/** Lines come one by one, so their columns are as wide as they mostly need to be. */
const WIDTHS = [23, 9, 30, 7, 9];

export type FollowOptions = {
  readonly client: AdminClient;
  readonly screen: Screen;
  readonly isJson: boolean;
  readonly path: string | undefined;
  readonly kind: string | undefined;
  /** What came so far, oldest first. */
  readonly told: readonly SupervisionEvent[];
  /** From when on; those of the last event told and later when absent. */
  readonly sinceMs: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Follows until `signal` says otherwise. @throws CommandFailure when the node refuses, or was never there */
export async function followEvents(options: FollowOptions): Promise<void> {
  const columns = EVENT_COLUMNS.map((column, index) => {
    const width = WIDTHS[index];
    return width === undefined ? column : { ...column, width };
  });
  const teller = new Teller((event) => {
    const lines = options.isJson
      ? [JSON.stringify(event)]
      : formatTable(columns, [event], { widthMax: options.screen.width }).slice(1);
    writeLines(options.screen, lines);
  });
  for (const event of options.told) teller.take(event);
  const isOver = (): boolean => options.signal?.aborted === true;
  let isFirst = true;
  while (!isOver()) {
    try {
      await followOnce(options, teller);
    } catch (error) {
      const isAway = error instanceof CommandFailure && error.exitCode === EXIT_CODES.unreachable;
      if (isOver()) return;
      if (error instanceof CommandFailure && (isFirst || !isAway)) throw error;
    }
    isFirst = false;
    await systemTimers.sleep(RECONNECT_MS);
  }
}

/** Tells each event once, although a stream that begins again repeats those of the last millisecond. */
class Teller {
  readonly #tell: (event: SupervisionEvent) => void;
  #lastMs: number | undefined;
  #toldOfLast = new Set<string>();

  constructor(tell: (event: SupervisionEvent) => void) {
    this.#tell = tell;
  }

  get lastMs(): number | undefined {
    return this.#lastMs;
  }

  take(event: SupervisionEvent): void {
    if (event.timeMs !== this.#lastMs) this.#toldOfLast = new Set();
    this.#lastMs = event.timeMs;
    const text = JSON.stringify(event);
    if (this.#toldOfLast.has(text)) return;
    this.#toldOfLast.add(text);
    this.#tell(event);
  }
}

async function followOnce(options: FollowOptions, teller: Teller): Promise<void> {
  const { client, path, kind, signal = new AbortController().signal } = options;
  const since = teller.lastMs ?? options.sinceMs;
  const request = {
    method: 'GET',
    path: '/v1/supervision/events/stream',
    query: { path, kind, since },
    headers: { accept: 'text/event-stream' },
  } as const;
  const response = await client.send(request, { signal });
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = blocks.pop() ?? '';
    if (rest.length > BUFFER_MAX_CHARACTERS) return;
    for (const block of blocks) {
      const event = readBlock(block);
      if (event !== undefined) teller.take(event);
    }
  }
}

/** Returns the event of a block; `undefined` where it is a comment. */
function readBlock(block: string): SupervisionEvent | undefined {
  const data = /^data: (.*)$/m.exec(block)?.[1];
  return data === undefined
    ? undefined
    : supervisionEventsSchema.shape.events.element.parse(JSON.parse(data));
}
