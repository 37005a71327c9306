/** Who is in the cluster, who has which shard and feeds which slot, and what changes hands while one looks. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { nodeLink } from '../node/node-link.ts';
import type { ClusterAnswer } from '../node/rest-documents.ts';
import { useAnswer } from '../node/use-answer.ts';
import { clockText } from '../text/time-text.ts';
import type { Move } from './cluster-moves.ts';
import { withMoves } from './cluster-moves.ts';
import { NodeTable } from './node-table.tsx';
import { ShardMap, SlotMap } from './holder-maps.tsx';

const EVERY_MS = 1_000;

export function ClusterPage(): JSX.Element {
  const { answer, failure } = useAnswer<ClusterAnswer>('/v1/cluster', EVERY_MS);
  const moves = useMoves(answer);
  if (answer?.isCluster === false) {
    return (
      <section class="panel" aria-label="Cluster">
        <header>
          <h2>Cluster</h2>
        </header>
        <p class="nothing">
          There is no cluster: {answer.node} works alone and has every instrument.{' '}
          <code>npm run cluster</code> runs one on this machine.
        </p>
      </section>
    );
  }
  // All at once: panels that fill one after another would push each other about.
  if (answer === undefined)
    return (
      <p class={failure === undefined ? 'nothing' : 'nothing is-ill'}>{failure ?? 'Asking the node …'}</p>
    );
  return (
    <div class="cluster">
      <NodeTable answer={answer} failure={failure} />
      <ShardMap answer={answer} />
      <SlotMap answer={answer} />
      <MovePanel moves={moves} />
    </div>
  );
}

function MovePanel({ moves }: { readonly moves: readonly Move[] }): JSX.Element {
  return (
    <section class="panel" aria-label="Moves">
      <header>
        <h2>Moves</h2>
        <span class="count">the last 50 while this page was open</span>
      </header>
      <ol class="moves figures" tabIndex={0} aria-label="Moves, newest first">
        {moves.map(({ key, what, from, to, epoch, seenMs }) => (
          <li key={key}>
            <time>{clockText(seenMs)}</time>
            <b>{what}</b>
            <span>
              {from ?? 'nobody'} → {to ?? 'nobody'}
            </span>
            <em>epoch {epoch}</em>
          </li>
        ))}
      </ol>
      {moves.length === 0 && <p class="nothing">Nothing has moved since this page was opened</p>}
    </section>
  );
}

function useMoves(answer: ClusterAnswer | undefined): readonly Move[] {
  const [moves, setMoves] = useState<readonly Move[]>([]);
  const before = useRef<ClusterAnswer | undefined>(undefined);
  useEffect(() => {
    const earlier = before.current;
    before.current = answer;
    if (earlier === undefined || answer === undefined) return;
    setMoves((held) => withMoves(held, earlier, answer, Math.round(nodeLink.nowMs())));
  }, [answer]);
  return moves;
}
