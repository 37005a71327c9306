/**
 * Lists of the whole cluster: every node that is alive is asked at the same time for what is its own. One that does not answer in time is named in the
 * answer, and so is one that is gone and whose shards nobody has yet; the others are shown all the same.
 */
import type { z } from 'zod';
import { TampinesError } from '../base/errors.ts';
import type { AdminClusterOptions } from './cluster-options.ts';
import type { AskedNode, ClusterClient } from './cluster-client.ts';
import type { askedNodeSchema } from './cluster-schemas.ts';
import { toProblem } from './problems.ts';

/** A list is looked at by people, who rather see what is there than wait. */
const LIST_TIMEOUT_MS = 3_000;
/** Entries of a sorted list of all nodes that one page may end at: each node is asked for as many. */
export const MERGED_MAX = 20_000;
/** Entries that a node is asked for at once. */
const PAGE_MAX = 1_000;

export type AskedNodeReport = z.output<typeof askedNodeSchema>;

export type Gathered<Value> = {
  /** By name of the node. */
  readonly answers: readonly { readonly node: string; readonly value: Value }[];
  readonly nodes: AskedNodeReport[];
};

export class ClusterLists {
  readonly #node: string;
  readonly #directory: AdminClusterOptions['directory'];
  readonly #client: ClusterClient;

  constructor(options: { node: string; cluster: AdminClusterOptions; client: ClusterClient }) {
    this.#node = options.node;
    this.#directory = options.cluster.directory;
    this.#client = options.client;
  }

  /** Returns what each node has. @param here what this one has */
  async gather<Value>(
    here: () => Promise<Value>,
    askOther: (node: AskedNode) => Promise<Value>,
  ): Promise<Gathered<Value>> {
    const gone = (await this.#directory.goneOwners()).filter((name) => name !== this.#node);
    const others = (await this.#directory.aliveNodes()).filter(({ name }) => name !== this.#node);
    const asked = [
      { node: this.#node, work: here() },
      ...others.map((node) => ({ node: node.name, work: askOther(node) })),
    ].sort((one, other) => (one.node < other.node ? -1 : 1));
    const ended = await Promise.allSettled(asked.map(({ work }) => work));
    const answers: { node: string; value: Value }[] = [];
    const nodes = ended.map((end, index): AskedNodeReport => {
      const { node } = asked[index]!;
      if (end.status === 'rejected') {
        // A fault of this node is the request's, not one of a node among many.
        if (node === this.#node) throw end.reason;
        const { code, detail } = toProblem(end.reason, '');
        return { node, isAnswered: false, code, detail };
      }
      answers.push({ node, value: end.value });
      return { node, isAnswered: true, code: null, detail: '' };
    });
    return { answers, nodes: [...nodes, ...gone.map(goneReport)] };
  }

  /** Returns the first `count` entries of a list of another node, and how many there are. */
  async readPages<Entry>(
    node: AskedNode,
    asked: {
      readonly path: string;
      readonly query: Readonly<Record<string, string | undefined>>;
      readonly count: number;
      /** Of one page; what it does not name is left out, so that a newer node may say more. */
      readonly schema: z.ZodType<{ readonly total: number; readonly entries: readonly Entry[] }>;
    },
  ): Promise<{ readonly total: number; readonly entries: readonly Entry[] }> {
    const entries: Entry[] = [];
    for (;;) {
      const limit = Math.min(PAGE_MAX, asked.count - entries.length);
      const query = { ...asked.query, limit: String(limit), offset: String(entries.length) };
      const page = await this.read(node, { ...asked, query });
      entries.push(...page.entries);
      const isAll = entries.length >= Math.min(asked.count, page.total) || page.entries.length === 0;
      if (isAll) return { total: page.total, entries };
    }
  }

  /** @throws TampinesError `NODE_TIMEOUT` · `NODE_UNREACHABLE` */
  async read<Value>(
    node: AskedNode,
    asked: {
      readonly path: string;
      readonly query: Readonly<Record<string, string | undefined>>;
      readonly schema: z.ZodType<Value>;
    },
  ): Promise<Value> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(asked.query)) if (value !== undefined) query.set(name, value);
    const headers = { accept: 'application/json' };
    const { path, schema } = asked;
    const request = { method: 'GET', path, query, headers, timeoutMs: LIST_TIMEOUT_MS };
    const { status, body } = await this.#client.ask(node, request);
    if (status !== 200) throw unfit(node, `it answered with status ${String(status)}`);
    const parsed = schema.safeParse(parseJson(node, body));
    if (!parsed.success) throw unfit(node, 'its answer is not of the form that this version knows');
    return parsed.data;
  }
}

function parseJson(node: AskedNode, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw unfit(node, 'its answer is no JSON');
  }
}

function unfit(node: AskedNode, why: string): TampinesError {
  const message = `Node ${node.name} gave no answer that can be shown: ${why}`;
  return new TampinesError('NODE_UNREACHABLE', message, { fields: { node: node.name } });
}

function goneReport(node: string): AskedNodeReport {
  const detail = 'It is gone, and no other node has taken its shards yet.';
  return { node, isAnswered: false, code: 'OWNER_UNKNOWN', detail };
}
