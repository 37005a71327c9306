/** The routes that the admin server really has, hidden ones included, so that a new one is attacked like the others. */
import type { AdminApp } from '../../src/admin/admin-options.ts';

export type RegisteredRoute = {
  readonly method: string;
  /** As it is registered, with `:parameters`. */
  readonly pattern: string;
  /** A path that it takes. */
  readonly path: string;
};

const EXAMPLES: Readonly<Record<string, string>> = { exchange: 'binance', symbol: 'BTC-USDT' };
const BRANCH = /^((?:│ {3}| {4})*)[├└]── (.*) \(([A-Z, ]+)\)$/;

/** Returns each method of each path. */
export function registeredRoutes(app: AdminApp): RegisteredRoute[] {
  const above: string[] = [];
  const lines = app.printRoutes({ commonPrefix: false }).split('\n').filter(Boolean);
  return lines.flatMap((line) => {
    const [, indent = '', part = '', methods = ''] = BRANCH.exec(line) ?? [];
    if (part === '') throw new Error(`The tree of routes has a line that can't be read: ${line}`);
    const depth = indent.length / 4;
    above.length = depth;
    above[depth] = part;
    const pattern = above.join('');
    const path = pattern.replaceAll(/:(\w+)/g, (_, name: string) => EXAMPLES[name] ?? '1');
    return methods.split(', ').map((method) => ({ method, pattern, path }));
  });
}
