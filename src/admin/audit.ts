/** Writes down each change that was asked for: who, when, what, and how it ended. Who was not let in has changed nothing and is not in it. */
import type { OperationsRecords } from '../actors/ports.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { requesterOf } from './access.ts';
import type { AdminApp } from './admin-options.ts';
import { pathOf } from './problems.ts';

const PATH_MAX_CHARACTERS = 500;
const BODY_MAX_CHARACTERS = 1_000;

export function auditChanges(
  app: AdminApp,
  { records, clock, log }: { records: OperationsRecords; clock: Clock; log: Log },
): void {
  app.addHook('onResponse', (request, reply, done) => {
    const requester = requesterOf(request);
    // What was not taken at all changed nothing, and would push out what did.
    if (requester !== undefined && reply.statusCode !== 429) {
      const entry = {
        timeMs: clock.nowMs(),
        who: requester.name,
        address: requester.address,
        method: request.method,
        path: pathOf(request.url).slice(0, PATH_MAX_CHARACTERS),
        body: bodyText(request.body),
        status: reply.statusCode,
      };
      records.recordAudit(entry);
      log.info(entry, 'change asked for over REST');
    }
    done();
  });
}

function bodyText(body: unknown): string {
  return body === undefined || body === null ? '' : JSON.stringify(body).slice(0, BODY_MAX_CHARACTERS);
}
