/** Whether a node runs, and whether it gets on. */
import { problemSchema } from '../../admin/problems.ts';
import { readySchema } from '../../admin/operations-schemas.ts';
import type { Finding } from './finding.ts';
import { CHECK_TIMEOUT_MS, fail, ok, reasonOf, warn } from './finding.ts';

export async function checkNode(url: string): Promise<Finding[]> {
  let body: unknown;
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    body = await response.json();
  } catch (error) {
    const toDo = 'start it with `tampines start`, or name another with --url or TAMPINES_URL';
    return [warn('node', `no node answers at ${url}: ${reasonOf(error)}`, toDo)];
  }
  const ready = readySchema.safeParse(body);
  if (ready.success) return ready.data.checks.map(({ name, detail }) => ok(`node: ${name}`, detail));
  const problem = problemSchema.safeParse(body);
  if (!problem.success)
    return [warn('node', `what answers at ${url} is no Tampines node`, 'check --url or TAMPINES_URL')];
  const missing = Object.entries(problem.data.fields);
  if (missing.length === 0) return [fail('node', problem.data.detail, 'look at the log of the node')];
  return missing.map(([name, detail]) =>
    fail(`node: ${name}`, String(detail), 'see "Ready, and alive" in docs/operations.md'),
  );
}
