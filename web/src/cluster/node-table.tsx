import type { ComponentChildren, JSX } from 'preact';
import type { ClusterAnswer } from '../node/rest-documents.ts';
import { ageText } from '../text/time-text.ts';
import { colourOf } from './node-colours.ts';

const COLUMNS = ['Node', 'State', 'Roles', 'Shards', 'Instruments', 'Feeds', 'Lag', 'Seen', 'Trouble'];

export function NodeTable({
  answer,
  failure,
}: {
  readonly answer: ClusterAnswer;
  readonly failure: string | undefined;
}): JSX.Element {
  return (
    <section class="panel" aria-label="Nodes">
      <header>
        <h2>Nodes</h2>
        {/* In the place of the other, so that nothing below moves. */}
        <span class={failure === undefined ? 'count' : 'is-ill'} role="status">
          {failure ?? `answered by ${answer.node}`}
        </span>
      </header>
      <div class="node-view" tabIndex={0} role="region" aria-label="Nodes of the cluster">
        <table class="node-table figures">
          <thead>
            <tr>
              {COLUMNS.map((title) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {answer.nodes.map((node) => (
              <NodeRow key={node.name} node={node} answer={answer} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

type ClusterNode = ClusterAnswer['nodes'][number];

function NodeRow(props: { readonly node: ClusterNode; readonly answer: ClusterAnswer }): JSX.Element {
  const { node, answer } = props;
  const { report } = node;
  const trouble = [report?.logTrouble, report?.groupTrouble].filter(Boolean).join('; ');
  return (
    <tr class={node.isAlive ? '' : 'is-gone'}>
      <th scope="row" class={colourOf(node.name, answer)}>
        <i aria-hidden="true" />
        {node.name}
      </th>
      <td class="node-state">{node.isAlive ? 'alive' : 'GONE'}</td>
      <td>{node.roles.join(', ')}</td>
      <td>{answer.shards.filter(({ owner }) => owner === node.name).length}</td>
      <Said of={node}>{report?.instruments ?? '–'}</Said>
      <Said of={node}>{report?.feeds ?? '–'}</Said>
      <Said of={node}>{report?.lag ?? '–'}</Said>
      <td>{node.seenAgoMs === null ? '–' : ageText(node.seenAgoMs)}</td>
      <td class={trouble !== '' && node.isAlive ? 'node-trouble is-ill' : 'node-trouble'}>
        {trouble === '' ? 'none' : trouble}
      </td>
    </tr>
  );
}

/** What a node said of itself. Of one that is gone it was so when it was last seen, and may be so no more. */
function Said(props: { readonly of: ClusterNode; readonly children: ComponentChildren }): JSX.Element {
  if (props.of.isAlive) return <td>{props.children}</td>;
  return (
    <td class="was-said">
      {props.children}
      <span class="unseen"> when last seen</span>
    </td>
  );
}
