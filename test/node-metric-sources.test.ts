import { expect, it } from 'vitest';
import { StandbyReadings } from '../src/actors/standby-readings.ts';
import { clusterMetricSources } from '../src/node-metric-sources.ts';

it.each([
  ['the oldest wait of any shard', [undefined, 4_000, 9_500], 6],
  ['nothing where all is saved', [undefined], 0],
  ['nothing without shards', [], 0],
])('tells of what is not saved: %s', (_claim, sinces, seconds) => {
  const readings = sinces.map((unsavedSinceMs, shard) => ({
    ...{ shard, epoch: 1, neededFrom: 0, readTo: 5, lag: 0 },
    unsavedSinceMs,
  }));
  const sources = clusterMetricSources({
    shardKeeper: { readings: () => readings },
    ingest: { fedCount: 0 },
    standbys: new StandbyReadings(),
    kafkaTrouble: () => '',
    clock: { nowMs: () => 0, monotonicMs: () => 10_000 },
  });
  const source = sources.find(({ name }) => name === 'tampines_cluster_unsaved_seconds');
  expect(source?.read()).toEqual([{ value: seconds }]);
});
