import type { JSX } from 'preact';
import type { ClusterAnswer } from '../node/rest-documents.ts';
import { ageText } from '../text/time-text.ts';
import { colourOf } from './node-colours.ts';

export function NodeTable({ answer }: { readonly answer: ClusterAnswer | undefined }): JSX.Element {
  return (
    <section class="panel" aria-label="Nodes">
      <header>
        <h2>Nodes</h2>
        <span class="count">{answer === undefined ? '' : `answered by ${answer.node}`}</span>
      </header>
      <div class="node-view" tabIndex={0} role="region" aria-label="Nodes of the cluster">
        <table class="node-table figures">
          <thead>
            <tr>
              {['Node', 'State', 'Roles', 'Shards', 'Instruments', 'Feeds', 'Lag', 'Seen', 'Trouble'].map(
                (title) => (
                  <th key={title} scope="col">
                    {title}
                  </th>
                ),
              )}
            </tr>
          </thead>
          <tbody>
            {answer?.nodes.map((node) => (
              <NodeRow key={node.name} node={node} answer={answer} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function NodeRow(props: {
  readonly node: ClusterAnswer['nodes'][number];
  readonly answer: ClusterAnswer;
}): JSX.Element {
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
      <td>{report?.instruments ?? '–'}</td>
      <td>{report?.feeds ?? '–'}</td>
      <td title="Messages of the log that it has not read yet">{report?.lag ?? '–'}</td>
      <td>{node.seenAgoMs === null ? '–' : ageText(node.seenAgoMs)}</td>
      <td class={trouble === '' ? '' : 'is-ill'}>{trouble === '' ? 'none' : trouble}</td>
    </tr>
  );
}
