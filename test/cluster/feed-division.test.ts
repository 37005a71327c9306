import { expect, it } from 'vitest';
import { checkFeedDivision, reportFeedDivision } from '../../src/cluster/feed-division.ts';
import type { JsonValue } from '../../src/cluster/ports.ts';

const node = (report: JsonValue, isAlive = true) => ({
  ...{ name: 'other', runId: '1', adminUrl: 'http://other:8080', roles: ['ingest'], startedAtMs: 0 },
  ...{ isAlive, seenAgoMs: 10, report },
});
const told = (slots: number, redundancy: number) => reportFeedDivision({ slots, redundancy });

it('a node that divides exchanges otherwise than one that lives does not start', () => {
  const check = () => checkFeedDivision([node(told(8, 1))], { slots: 4, redundancy: 1 });
  expect(check).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  expect(check).toThrow(/feed\.slots is 4, and 8 on node other/);
});

it.each([
  ['feeds more often', told(4, 1), 2, /feed\.redundancy is 2, and 1 on node other/],
  ['feeds less often', told(4, 2), 1, /feed\.redundancy is 1, and 2 on node other/],
  ['feeds twice beside one that knows of no second feed', { feedSlots: 4 }, 2, /is 2, and 1 on node other/],
])('a node that %s than one that lives does not start', (_what, report, redundancy, told) => {
  const check = () => checkFeedDivision([node(report)], { slots: 4, redundancy });
  expect(check).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  expect(check).toThrow(told);
});

it('starts beside nodes that divide alike, that are gone, or that do not tell', () => {
  const gone = node(told(8, 2), false);
  const silent = [node({ feedSlots: 4 }), node({ lag: 0 }), node(null)];
  expect(() =>
    checkFeedDivision([node(told(4, 1)), gone, ...silent], { slots: 4, redundancy: 1 }),
  ).not.toThrow();
  expect(() => checkFeedDivision([node(told(4, 2)), gone], { slots: 4, redundancy: 2 })).not.toThrow();
});
