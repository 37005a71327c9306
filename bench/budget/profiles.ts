/** Profiles of this process while something runs: where its time goes, and where it allocates. */
import type { HeapProfiler, Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import type { ProfileNode } from './stations.ts';

const TIME_SAMPLE_US = 500;
const HEAP_SAMPLE_BYTES = 32 * 1024;

/** Weights are nanoseconds of the main thread. */
export async function profileTime(work: () => Promise<unknown>): Promise<ProfileNode[]> {
  return withSession(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: TIME_SAMPLE_US });
    await session.post('Profiler.start');
    await work();
    const { profile } = await session.post('Profiler.stop');
    return timeNodes(profile);
  });
}

/** Weights are bytes allocated on the heap, estimated from samples, what was collected meanwhile included. */
export async function profileAllocations(work: () => Promise<unknown>): Promise<ProfileNode[]> {
  return withSession(async (session) => {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling', {
      samplingInterval: HEAP_SAMPLE_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await work();
    const { profile } = await session.post('HeapProfiler.stopSampling');
    const nodes: ProfileNode[] = [];
    addAllocations(profile.head, undefined, nodes);
    return nodes;
  });
}

async function withSession(use: (session: Session) => Promise<ProfileNode[]>): Promise<ProfileNode[]> {
  const session = new Session();
  session.connect();
  try {
    return await use(session);
  } finally {
    session.disconnect();
  }
}

function timeNodes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): ProfileNode[] {
  const nsById = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    nsById.set(id, (nsById.get(id) ?? 0) + timeDeltas[index]! * 1_000);
  }
  const parentIds = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const byId = new Map<number, ProfileNode>();
  // Parents stand before their children.
  for (const { id, callFrame } of nodes) {
    byId.set(id, {
      functionName: callFrame.functionName,
      url: callFrame.url,
      weight: nsById.get(id) ?? 0,
      parent: byId.get(parentIds.get(id) ?? NaN),
    });
  }
  return [...byId.values()];
}

function addAllocations(
  { callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode,
  parent: ProfileNode | undefined,
  nodes: ProfileNode[],
): void {
  const { functionName, url } = callFrame;
  const node = { functionName, url, weight: selfSize, parent };
  nodes.push(node);
  for (const child of children) addAllocations(child, node, nodes);
}
