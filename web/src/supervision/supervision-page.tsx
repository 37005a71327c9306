/** Who runs, who failed and why, and what an operator can do about it. */
import type { JSX } from 'preact';
import { ActorPanel } from './actor-panel.tsx';
import { EventPanel } from './event-panel.tsx';
import { useSupervisionLog } from './supervision-log.ts';

export function SupervisionPage(): JSX.Element {
  const events = useSupervisionLog();
  return (
    <div class="supervision">
      <ActorPanel events={events ?? []} />
      <EventPanel events={events} />
    </div>
  );
}
