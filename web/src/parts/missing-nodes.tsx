/** Says over a list of a cluster whose entries are not in it: a list that is short looks like one that is whole. */
import type { JSX } from 'preact';
import type { AskedNode } from '../node/rest-documents.ts';

export function MissingNodes({ nodes }: { readonly nodes: readonly AskedNode[] | undefined }): JSX.Element {
  const missing = (nodes ?? []).filter(({ isAnswered }) => !isAnswered);
  return (
    <div role="status" class="missing-nodes">
      {missing.length > 0 && <strong>Not all: what these nodes have is missing.</strong>}
      {missing.map(({ node, detail }) => (
        <p key={node}>
          <b>{node}</b> {detail}
        </p>
      ))}
    </div>
  );
}
