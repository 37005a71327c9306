import type { JSX } from 'preact';
import type { ClusterAnswer } from '../node/rest-documents.ts';
import { nameOfSlot } from './cluster-moves.ts';
import { colourOf } from './node-colours.ts';

type MapProps = { readonly answer: ClusterAnswer };

export function ShardMap({ answer }: MapProps): JSX.Element {
  const orphans = answer.shards.filter(({ isOwnerAlive }) => !isOwnerAlive).length;
  return (
    <section class="panel" aria-label="Shards">
      <header>
        <h2>Shards</h2>
        <span class={orphans > 0 ? 'is-ill' : 'count'}>
          {orphans > 0 ? `${orphans} orphaned` : 'every claimed one has its node'}
        </span>
      </header>
      <ul class="holder-map figures">
        {answer.shards.map(({ shard, epoch, owner, isOwnerAlive }) => (
          <Holder
            key={shard}
            label={`shard ${shard}`}
            holder={owner}
            epoch={epoch}
            isOrphaned={!isOwnerAlive}
            answer={answer}
          />
        ))}
      </ul>
      {answer.shards.length === 0 && <p class="nothing">None was claimed yet</p>}
    </section>
  );
}

export function SlotMap({ answer }: MapProps): JSX.Element {
  const alive = new Set(answer.nodes.filter(({ isAlive }) => isAlive).map(({ name }) => name));
  const exchanges = [...new Set(answer.leases.map(({ exchange }) => exchange))];
  return (
    <section class="panel" aria-label="Slots">
      <header>
        <h2>Slots of exchanges</h2>
        <span class="count">who feeds what</span>
      </header>
      {exchanges.map((exchange) => (
        <div key={exchange} class="slot-line">
          <h3>{exchange}</h3>
          <ul class="holder-map figures">
            {answer.leases
              .filter((lease) => lease.exchange === exchange)
              .map(({ epoch, holder, ...lease }) => (
                <Holder
                  key={nameOfSlot(lease)}
                  label={nameOfSlot(lease)}
                  holder={holder}
                  epoch={epoch}
                  isOrphaned={holder === null || !alive.has(holder)}
                  answer={answer}
                />
              ))}
          </ul>
        </div>
      ))}
      {answer.leases.length === 0 && <p class="nothing">No node feeds anything yet</p>}
    </section>
  );
}

function Holder(props: {
  readonly label: string;
  readonly holder: string | null;
  readonly epoch: number;
  readonly isOrphaned: boolean;
  readonly answer: ClusterAnswer;
}): JSX.Element {
  const { label, holder, epoch, isOrphaned, answer } = props;
  return (
    <li class={isOrphaned ? 'holder is-orphaned' : `holder ${colourOf(holder ?? '', answer)}`}>
      <span>{label}</span>
      <b>{holder ?? 'nobody'}</b>
      <em>
        {isOrphaned && <strong>ORPHANED </strong>}epoch {epoch}
      </em>
    </li>
  );
}
