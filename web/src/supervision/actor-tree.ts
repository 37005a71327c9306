/** Actors as lines of a tree: children below their parents, closed branches left out. */
import type { Actor } from '../node/rest-documents.ts';

export type ActorLine = {
  readonly actor: Actor;
  /** 0 at the root. */
  readonly depth: number;
  /** Last part of its path. */
  readonly name: string;
  readonly childCount: number;
  readonly isOpen: boolean;
};

export type TreeView = {
  /** Part of a path, in any case; where there is one, or only trouble is shown, branches are open as far as something is found in them. */
  readonly contains: string;
  readonly isTroubleOnly: boolean;
  /** Paths of branches that were closed by hand. */
  readonly closed: ReadonlySet<string>;
};

export function hasTrouble({ status, restarts }: Actor): boolean {
  return status !== 'running' || restarts > 0;
}

/** Returns the lines to show, parents before children. */
export function linesOf(
  actors: readonly Actor[],
  { contains, isTroubleOnly, closed }: TreeView,
): ActorLine[] {
  const children = new Map<string, Actor[]>();
  for (const actor of actors) {
    const siblings = children.get(actor.parentPath);
    if (siblings === undefined) children.set(actor.parentPath, [actor]);
    else siblings.push(actor);
  }
  const wanted = contains.toLowerCase();
  const isSought = wanted !== '' || isTroubleOnly;
  const isFound = (actor: Actor): boolean =>
    actor.path.toLowerCase().includes(wanted) && (!isTroubleOnly || hasTrouble(actor));
  const below = (parentPath: string, depth: number): ActorLine[] =>
    (children.get(parentPath) ?? []).flatMap((actor) => {
      const isOpen = isSought || !closed.has(actor.path);
      const lines = isOpen ? below(actor.path, depth + 1) : [];
      if (isSought && lines.length === 0 && !isFound(actor)) return [];
      const name = actor.path.slice(actor.path.lastIndexOf('/') + 1);
      return [{ actor, depth, name, childCount: children.get(actor.path)?.length ?? 0, isOpen }, ...lines];
    });
  return below('', 0);
}

/** Returns what instrument an actor is of; `undefined` where it is another's. */
export function instrumentOf({ path, kind }: Actor): { exchange: string; symbol: string } | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  if (kind !== 'persistent' || colon < 1) return undefined;
  return { exchange: name.slice(0, colon), symbol: name.slice(colon + 1) };
}
