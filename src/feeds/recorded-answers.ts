/**
 * Brings REST requests and a recording's REST answers together, whichever comes first. Hosts, versions and limits of a request have changed
 * since many recordings were made, so a request matches by what it asks for: the last part of its path and the symbol it names.
 */
import { TampinesError } from '../base/errors.ts';

/** Parameters that say which symbols are asked for; all others only tune the answer. */
const SUBJECT_PARAMETERS = new Set([
  'symbol',
  'instid',
  'insttype',
  'instrument_name',
  'pair',
  'product_id',
  'producttype',
  'currency_pair',
  'contract',
  'contract_code',
  'currency',
  'category',
  'uly',
]);

/** A list of instruments may be asked for again and again; a book is an answer of one moment. */
const LIST_ADDRESS = /instrument|exchangeinfo|pairs|symbols|products|contracts|currenc/i;

/** Whether a recorded answer says what this request asks. */
export function isSameRequest(requestUrl: string, recordedUrl: string): boolean {
  return subjectOf(requestUrl) === subjectOf(recordedUrl);
}

function subjectOf(address: string): string {
  const url = new URL(address, 'http://none');
  const lastPart = url.pathname.split('/').findLast((part) => part !== '') ?? '';
  const subjects = [...url.searchParams]
    .filter(([name, value]) => value !== '' && SUBJECT_PARAMETERS.has(name.toLowerCase()))
    .map(([name, value]) => `${name}=${value}`)
    .sort();
  return [lastPart, ...subjects].join('&').toLowerCase();
}

export type RecordedAnswer = { readonly url: string; readonly body: string };

type PendingRequest = {
  readonly url: string;
  readonly resolve: (answer: RecordedAnswer) => void;
  readonly reject: (error: TampinesError) => void;
};

/** Answers that nobody asked for yet, and requests that nothing answered yet. A pair that matches is never in both. */
export class RecordedAnswers {
  #pending: PendingRequest[] = [];
  #kept: RecordedAnswer[] = [];
  #hasEnded = false;

  get keptCount(): number {
    return this.#kept.length;
  }

  isAwaited(url: string): boolean {
    return this.#pending.some((request) => isSameRequest(request.url, url));
  }

  /** Gives the answer to the first request that waits for it, else keeps it for a later one. */
  offer(answer: RecordedAnswer): 'answered' | 'kept' {
    const index = this.#pending.findIndex((request) => isSameRequest(request.url, answer.url));
    if (index < 0 || LIST_ADDRESS.test(answer.url)) this.#kept.push(answer);
    if (index < 0) return 'kept';
    const [request] = this.#pending.splice(index, 1);
    request?.resolve(answer);
    return 'answered';
  }

  /** Resolves with the oldest kept answer at once, else with the next that is offered. @throws TampinesError `FEED_REQUEST` at the recording's end */
  request(url: string): Promise<RecordedAnswer> {
    const index = this.#kept.findIndex((answer) => isSameRequest(url, answer.url));
    const kept = this.#kept[index];
    if (kept !== undefined) {
      if (!LIST_ADDRESS.test(kept.url)) this.#kept.splice(index, 1);
      return Promise.resolve(kept);
    }
    if (this.#hasEnded) return Promise.reject(noAnswer(url));
    return new Promise((resolve, reject) => this.#pending.push({ url, resolve, reject }));
  }

  /** No more answers will come. */
  end(): void {
    this.#hasEnded = true;
    for (const request of this.#pending.splice(0)) request.reject(noAnswer(request.url));
  }
}

function noAnswer(url: string): TampinesError {
  return new TampinesError('FEED_REQUEST', `Cannot get ${url}: the recording holds no answer to it`, {
    fields: { url },
    isRetryable: false,
  });
}
