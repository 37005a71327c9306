/** The small self-made recordings that come with the repository. */
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../fixtures/recordings');

export type RecordingCase = { readonly name: string; readonly path: string; readonly expectedPath: string };

/** Binance: books on one connection, trades on another, snapshots by REST. */
export const ownBinance = caseOf('own-binance-spot');
/** Kraken v2: books with checksums and trades on one connection. */
export const ownKraken = caseOf('own-kraken-v2');

function caseOf(name: string): RecordingCase {
  return {
    name,
    path: join(FOLDER, `${name}.jsonl.gz`),
    expectedPath: join(FOLDER, `${name}.expected.json`),
  };
}
