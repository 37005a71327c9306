import type { ClusterAnswer } from '../node/rest-documents.ts';

const COLOURS = 6;

/** Returns the class that colours what a node has. Nodes come by name; one of two that share a colour is still told by its name. */
export function colourOf(name: string, { nodes }: ClusterAnswer): string {
  const place = nodes.findIndex((node) => node.name === name);
  return place < 0 ? 'node-unknown' : `node-colour-${place % COLOURS}`;
}
