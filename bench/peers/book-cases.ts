/** The book alone, on seeded changes. */
import type { BookSubject } from './book-subjects.ts';
import { ccxtBook, ourBook, tardisBook } from './book-subjects.ts';
import type { Comparison, PeerCase } from './peer-case.ts';
import type { PeerName } from './peer-packages.ts';
import { loadCcxt, loadTardis } from './peer-packages.ts';
import type { BookWorkload } from './seeded-books.ts';
import { deepWorkload, nearTouchWorkload } from './seeded-books.ts';

export const bookCases: readonly PeerCase[] = [
  bookCase('book-near', nearTouchWorkload, { 'tardis-dev': 2.5, ccxt: 8 }),
  bookCase('book-deep', deepWorkload, { 'tardis-dev': 1 }),
];

function bookCase(
  name: string,
  createWorkload: () => BookWorkload,
  required: Readonly<Partial<Record<PeerName, number>>>,
): PeerCase {
  return {
    name,
    async open() {
      const workload = createWorkload();
      const ours = ourBook(workload);
      const compared: [PeerName, BookSubject][] = [
        ['tardis-dev', tardisBook(workload, loadTardis())],
        ['ccxt', ccxtBook(workload, await loadCcxt())],
      ];
      const checksum = checkAgreement([ours, ...compared.map(([, subject]) => subject)]);
      const comparisons = compared.map(([peer, theirs]): Comparison => ({
        name: `book, ${workload.name}`,
        unit: 'changes',
        ours,
        peer,
        theirs,
        required: required[peer],
      }));
      return {
        comparisons,
        notes: [
          `book, ${workload.name}: after ${workload.changeCount.toLocaleString('en-US')} changes all three hold the same levels (CRC-32 of all of them ${checksum.toString(16)}) and read the same best ones.`,
        ],
      };
    },
  };
}

/** Returns the checksum of the levels that all of them end with. */
function checkAgreement(subjects: readonly BookSubject[]): number {
  const [first, ...others] = subjects.map((subject) => {
    subject.prepare?.();
    const sum = subject.run();
    return { name: subject.name, sum, checksum: subject.checksum() };
  });
  for (const { name, sum, checksum } of others) {
    if (checksum !== first!.checksum) {
      throw new Error(`${name} ends with other levels: checksum ${checksum}, ours ${first!.checksum}`);
    }
    // Floats add up to about the same.
    if (Math.abs(sum - first!.sum) > first!.sum * 1e-9) {
      throw new Error(
        `${name} read other best levels: their quantities sum to ${sum}, ours to ${first!.sum}`,
      );
    }
  }
  return first!.checksum;
}
