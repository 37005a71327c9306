/**
 * Reads recordings: `<id>.jsonl.gz` (or plain `.jsonl`), one JSON object per line, in order of time. A recording of any length is read in
 * small pieces; the text of a frame is handed on exactly as it was received.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import zlib from 'node:zlib';
import { TampinesError } from '../base/errors.ts';

type Stamp = {
  /** Counts from 1. */
  readonly lineNumber: number;
  /** Receive time in Unix ms, with a fraction where the recorder had one. */
  readonly t: number;
  /** Number of the connection, from 1; 0 for REST answers. */
  readonly conn: number;
};

export type RecordingLine =
  | (Stamp & { readonly dir: 'open'; readonly url: string })
  /** A frame received or sent: text, or bytes when it was binary. */
  | (Stamp & { readonly dir: 'in' | 'out'; readonly data: string | Uint8Array })
  /** A REST answer at the time it arrived. */
  | (Stamp & { readonly dir: 'http'; readonly url: string; readonly data: string });

/** Bytes of the file, compressed as it is. */
export type ReadingProgress = { readonly readBytes: number; readonly totalBytes: number };

export type ReadingOptions = { readonly onProgress?: ((progress: ReadingProgress) => void) | undefined };

export type RecordingContents = {
  readonly lineCount: number;
  /** In the order in which they were opened. */
  readonly connections: readonly { readonly conn: number; readonly url: string }[];
  /** Addresses of the REST answers, in order. */
  readonly requests: readonly string[];
};

/** No frame or list of instruments comes near it; a file without line ends must not fill the memory. */
const LINE_MAX_CHARS = 64 * 1024 * 1024;

/**
 * Yields the lines in order, a few hundred at a time.
 * @throws TampinesError `RECORDING_INVALID` with the number of the line that can't be read
 */
export async function* readRecording(
  path: string,
  options: ReadingOptions = {},
): AsyncGenerator<readonly RecordingLine[]> {
  for await (const { texts, firstLineNumber } of readLines(path, options)) {
    const lines: RecordingLine[] = [];
    for (const [index, text] of texts.entries()) {
      if (text !== '') lines.push(parseLine(path, firstLineNumber + index, text));
    }
    yield lines;
  }
}

/** Returns what a recording holds without parsing its frames. @throws TampinesError `RECORDING_INVALID` */
export async function inspectRecording(path: string): Promise<RecordingContents> {
  const connections: { conn: number; url: string }[] = [];
  const requests: string[] = [];
  let lineCount = 0;
  for await (const { texts, firstLineNumber } of readLines(path, {})) {
    for (const [index, text] of texts.entries()) {
      if (text !== '') lineCount++;
      // Only lines that open or answer have an address; inside a frame the quotes would be escaped.
      if (!text.includes('"url"')) continue;
      const line = parseLine(path, firstLineNumber + index, text);
      if (line.dir === 'open') connections.push({ conn: line.conn, url: line.url });
      else if (line.dir === 'http') requests.push(line.url);
    }
  }
  return { lineCount, connections, requests };
}

async function* readLines(
  path: string,
  { onProgress }: ReadingOptions,
): AsyncGenerator<{ texts: readonly string[]; firstLineNumber: number }> {
  let lineNumber = 1;
  try {
    const totalBytes = (await stat(path)).size;
    const file = createReadStream(path);
    const source = path.endsWith('.gz') ? file.pipe(zlib.createGunzip()) : file;
    file.on('error', (error) => source.destroy(error));
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for await (const chunk of source) {
      const texts = (rest + decoder.write(chunk as Buffer)).split('\n');
      rest = texts.pop() ?? '';
      if (rest.length > LINE_MAX_CHARS) {
        throw invalid(path, lineNumber + texts.length, `longer than ${LINE_MAX_CHARS} characters`);
      }
      const firstLineNumber = lineNumber;
      lineNumber += texts.length;
      if (texts.length > 0) yield { texts, firstLineNumber };
      onProgress?.({ readBytes: file.bytesRead, totalBytes });
    }
    rest += decoder.end();
    if (rest !== '') yield { texts: [rest], firstLineNumber: lineNumber };
  } catch (error) {
    if (error instanceof TampinesError) throw error;
    throw invalid(path, lineNumber, error instanceof Error ? error.message : String(error), error);
  }
}

function parseLine(path: string, lineNumber: number, text: string): RecordingLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, lineNumber, 'not JSON', cause);
  }
  if (typeof parsed !== 'object' || parsed === null) throw invalid(path, lineNumber, 'not an object');
  const { t, conn, dir, url, enc, data } = parsed as Record<string, unknown>;
  if (typeof t !== 'number') throw invalid(path, lineNumber, '`t` is not a number');
  if (typeof conn !== 'number' || !Number.isSafeInteger(conn) || conn < 0) {
    throw invalid(path, lineNumber, '`conn` is not a number of a connection');
  }
  const stamp = { lineNumber, t, conn };
  if (dir === 'open') {
    if (typeof url !== 'string') throw invalid(path, lineNumber, '`url` is missing');
    return { ...stamp, dir, url };
  }
  if (typeof data !== 'string') throw invalid(path, lineNumber, '`data` is not text');
  if (dir === 'http') {
    if (typeof url !== 'string') throw invalid(path, lineNumber, '`url` is missing');
    return { ...stamp, dir, url, data };
  }
  if (dir !== 'in' && dir !== 'out') {
    throw invalid(path, lineNumber, '`dir` is none of open, in, out, http');
  }
  if (enc !== undefined && enc !== 'base64') throw invalid(path, lineNumber, '`enc` is not base64');
  return { ...stamp, dir, data: enc === 'base64' ? Buffer.from(data, 'base64') : data };
}

function invalid(path: string, lineNumber: number, why: string, cause?: unknown): TampinesError {
  return new TampinesError('RECORDING_INVALID', `Cannot read line ${lineNumber} of ${path}: ${why}`, {
    fields: { path, lineNumber, why },
    cause,
  });
}
