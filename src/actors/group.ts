import { failureRate } from '../supervision/strategy.ts';
import type { ActorSpec } from './kernel/actor-types.ts';

/** An actor that only holds others: a place in the tree, receiving nothing. */
export function groupActor(name: string): ActorSpec<{ readonly type: 'Nothing' }, undefined> {
  return {
    name,
    strategy: failureRate({ maxFailures: 3, withinMs: 300_000, delayMs: 1_000, then: 'escalate' }),
    initialState: () => undefined,
    receive: () => undefined,
    stopChildren: 'together',
  };
}
