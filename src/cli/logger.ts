import type { Logger } from 'pino';
import { pino } from 'pino';
import type { Settings } from '../settings-schema.ts';

/**
 * Returns the log of a command: lines for people on a terminal, JSON otherwise. `destination` is standard output (1), or standard error (2)
 * where the output is for something else.
 */
export async function createLogger(
  settings: Settings['log'],
  options: { node: string; destination: 1 | 2 },
): Promise<Logger> {
  const { node, destination } = options;
  const isTerminal = destination === 1 ? process.stdout.isTTY : process.stderr.isTTY;
  const isPretty = settings.format === 'pretty' || (settings.format === 'auto' && isTerminal);
  const stream = isPretty
    ? (await import('pino-pretty')).default({
        destination,
        sync: true,
        ignore: 'pid,hostname,node',
        translateTime: 'HH:MM:ss.l',
      })
    : pino.destination({ dest: destination, sync: true });
  return pino({ level: settings.level, base: { node } }, stream);
}
