/**
 * Runs the program in its first argument with the others, and ends it by SIGKILL at a chosen statement that writes something, so that a
 * test can choose its moments in work instead of in time. KILL_AT_STATEMENT counts from 1; KILL_SENT=1 sends the statement first, so that
 * nobody knows what became of it. STATEMENT_COUNT_FILE gets the number of such statements of a program that was let live.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import pg from 'pg';

const WRITES = /INSERT INTO \S+\.(journal|trade|candle|state_snapshot)\b/;

watchStatements();
process.argv.splice(1, 1);
await import(pathToFileURL(process.argv[1]!).href);

function watchStatements(): void {
  const killAt = Number.parseInt(process.env['KILL_AT_STATEMENT'] ?? '0', 10);
  const isSentFirst = process.env['KILL_SENT'] === '1';
  const countFile = process.env['STATEMENT_COUNT_FILE'];
  let count = 0;
  const client = pg.Client.prototype as { query: (...given: unknown[]) => unknown };
  const query = client.query;
  client.query = function (this: unknown, ...given: unknown[]): unknown {
    const [statement] = given as [string | { text?: string }];
    const text = typeof statement === 'string' ? statement : (statement.text ?? '');
    const isLast = WRITES.test(text) && ++count === killAt;
    if (isLast && !isSentFirst) process.kill(process.pid, 'SIGKILL');
    const answer = query.apply(this, given);
    // A turn later the bytes are on their way.
    if (isLast) setImmediate(() => process.kill(process.pid, 'SIGKILL'));
    return answer;
  };
  if (countFile !== undefined) process.on('exit', () => writeFileSync(countFile, String(count)));
}
