import type { Log } from '../../src/base/log.ts';

/** A log that keeps its lines, so that a test can see what an operator would. */
export class RecordingLog implements Log {
  readonly lines: { level: string; fields: object; message: string }[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }

  countOf(level: string): number {
    return this.lines.filter((line) => line.level === level).length;
  }
}
