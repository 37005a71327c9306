import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SlotHolding } from '../../src/cluster/fair-slots.ts';
import { shareSlots } from '../../src/cluster/fair-slots.ts';
import { nameOfSlot } from '../../src/cluster/ports.ts';

const SEED = 20_261_128;

const holdingsOf = (exchanges: readonly string[], slotCount: number, redundancy = 1): SlotHolding[] =>
  exchanges.flatMap((exchange) =>
    Array.from({ length: slotCount * redundancy }, (_, index) => ({
      ...{ exchange, slot: Math.floor(index / redundancy), replica: index % redundancy },
      holder: undefined,
    })),
  );

/** The holdings once everybody has what is to be his, by key. */
function settled(holdings: readonly SlotHolding[], nodes: readonly string[]): SlotHolding[] {
  return shareSlots(holdings, nodes)
    .map(({ exchange, slot, replica, node }) => ({ exchange, slot, replica, holder: node }))
    .sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

const keyOf = nameOfSlot;

function countMoves(before: readonly SlotHolding[], after: readonly SlotHolding[]): number {
  const holders = new Map(after.map((one) => [keyOf(one), one.holder]));
  return before.filter((one) => one.holder !== undefined && holders.get(keyOf(one)) !== one.holder).length;
}

const countOf = (holdings: readonly SlotHolding[], node: string): number =>
  holdings.filter(({ holder }) => holder === node).length;

const arbitraryNodes: fc.Arbitrary<string[]> = fc.uniqueArray(
  fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
  { maxLength: 7 },
);
const arbitraryHoldingsOf = (redundancy: number): fc.Arbitrary<SlotHolding[]> =>
  fc
    .tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 9 }))
    .chain(([exchangeCount, slotCount]) => {
      const slots = holdingsOf(['k', 'b', 'o', 'c'].slice(0, exchangeCount), slotCount, redundancy);
      const holders = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'gone', undefined), {
        minLength: slots.length,
        maxLength: slots.length,
      });
      return holders.map((names) => slots.map((slot, index) => ({ ...slot, holder: names[index] })));
    });
const arbitraryHoldings = arbitraryHoldingsOf(1);

describe('shares of slots', () => {
  it('cover each slot once and differ by one at most, whoever held what', () => {
    fc.assert(
      fc.property(arbitraryHoldings, arbitraryNodes, (holdings, nodes) => {
        const after = settled(holdings, nodes);
        if (nodes.length === 0) return after.length === 0;
        const counts = nodes.map((node) => countOf(after, node));
        expect(after.map(keyOf).sort()).toEqual(holdings.map(keyOf).sort());
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        return true;
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('are the same for every node, in whatever order it sees nodes and slots', () => {
    fc.assert(
      fc.property(arbitraryHoldings, arbitraryNodes, fc.integer(), (holdings, nodes, seed) => {
        const shuffle = <Value>(values: readonly Value[]): Value[] =>
          fc.sample(fc.shuffledSubarray([...values], { minLength: values.length }), { numRuns: 1, seed })[0]!;
        expect(settled(shuffle(holdings), shuffle(nodes))).toEqual(settled(holdings, nodes));
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('move nothing that is fair already, and never more than the fairness of counts demands', () => {
    fc.assert(
      fc.property(arbitraryHoldings, arbitraryNodes, (holdings, nodes) => {
        const after = settled(holdings, nodes);
        expect(settled(after, nodes)).toEqual(after);
        if (nodes.length === 0) return;
        // The least that any fair outcome moves away from nodes that live: the largest shares lie with the largest holders.
        const counts = nodes.map((node) => countOf(holdings, node)).sort((x, y) => y - x);
        const least = Math.floor(holdings.length / nodes.length);
        const larger = holdings.length % nodes.length;
        const leastMoves = counts.reduce(
          (sum, count, index) => sum + Math.max(0, count - (index < larger ? least + 1 : least)),
          0,
        );
        const living = holdings.filter(({ holder }) => holder !== undefined && nodes.includes(holder));
        expect(countMoves(living, after)).toBe(leastMoves);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('spread each exchange over the nodes as they come', () => {
    const exchanges = ['binance', 'kraken', 'okx'];
    let holdings = settled(holdingsOf(exchanges, 8), ['a']);
    holdings = settled(holdings, ['a', 'b']);
    const spread = (node: string): number[] =>
      exchanges.map((exchange) =>
        countOf(
          holdings.filter((one) => one.exchange === exchange),
          node,
        ),
      );
    expect([spread('a'), spread('b')]).toEqual([
      [4, 4, 4],
      [4, 4, 4],
    ]);
    holdings = settled(holdings, ['a', 'b', 'c', 'd']);
    expect(['a', 'b', 'c', 'd'].map(spread)).toEqual([
      [2, 2, 2],
      [2, 2, 2],
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });
});

describe('shares of slots that are fed twice', () => {
  const replicated = arbitraryHoldingsOf(2);
  const partOf = ({ exchange, slot }: SlotHolding): string => `${exchange}/${String(slot)}`;

  it('are fair, and never leave two replicas with one node, nor one that another node could have with none', () => {
    fc.assert(
      fc.property(replicated, arbitraryNodes, (holdings, nodes) => {
        const after = settled(holdings, nodes);
        for (const node of nodes) {
          const parts = after.filter(({ holder }) => holder === node).map(partOf);
          expect(new Set(parts).size).toBe(parts.length);
        }
        const parts = new Set(holdings.map(partOf));
        expect(after.length).toBe(parts.size * Math.min(2, nodes.length));
        expect(new Set(after.map(keyOf)).size).toBe(after.length);
        if (nodes.length === 0) return;
        const counts = nodes.map((node) => countOf(after, node));
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });

  it('move nothing that is fair already, and are the same for every node', () => {
    fc.assert(
      fc.property(replicated, arbitraryNodes, (holdings, nodes) => {
        const after = settled(holdings, nodes);
        expect(settled(after, nodes)).toEqual(after);
        expect(settled([...holdings].reverse(), [...nodes].reverse())).toEqual(after);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it('move one replica of a slot at most where a node joins, or one leaves', () => {
    const joined = ['a', 'b', 'c', 'd', 'e'];
    let holdings = settled(holdingsOf(['binance', 'kraken', 'okx'], 8, 2), ['a']);
    for (let count = 2; count <= joined.length; count++) {
      const next = settled(
        [...holdingsOf(['binance', 'kraken', 'okx'], 8, 2)].map((one) => ({
          ...one,
          holder: holdings.find((held) => keyOf(held) === keyOf(one))?.holder,
        })),
        joined.slice(0, count),
      );
      const moved = holdings.filter(
        (one) => next.find((other) => keyOf(other) === keyOf(one))?.holder !== one.holder,
      );
      expect(new Set(moved.map(partOf)).size).toBe(moved.length);
      holdings = next;
    }
    const left = settled(holdings, joined.slice(1));
    const kept = holdings.filter(({ holder }) => holder !== 'a');
    expect(countMoves(kept, left)).toBe(0);
  });
});
