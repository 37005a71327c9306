import { expect, it } from 'vitest';
import type { JsonValue } from '../../src/cluster/ports.ts';
import { checkSlotCount } from '../../src/cluster/slot-count.ts';

const node = (report: JsonValue, isAlive = true) => ({
  ...{ name: 'other', runId: '1', adminUrl: 'http://other:8080', roles: ['ingest'], startedAtMs: 0 },
  ...{ isAlive, seenAgoMs: 10, report },
});

it('a node that divides exchanges otherwise than one that lives does not start', () => {
  const check = () => checkSlotCount([node({ feedSlots: 8 })], 4);
  expect(check).toThrow(expect.objectContaining({ code: 'SETTINGS_INVALID' }));
  expect(check).toThrow(/feed\.slots is 4, and 8 on node other/);
});

it('starts beside nodes that divide alike, that are gone, or that do not tell', () => {
  const nodes = [node({ feedSlots: 4 }), node({ feedSlots: 8 }, false), node({ lag: 0 }), node(null)];
  expect(() => checkSlotCount(nodes, 4)).not.toThrow();
});
