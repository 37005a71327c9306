/** A node to ask, and a screen to read. */
import type { AdminOptions } from '../../../src/admin/admin-options.ts';
import type { AdminServer } from '../../../src/admin/admin-server.ts';
import { createAdminServer } from '../../../src/admin/admin-server.ts';
import { AdminClient } from '../../../src/cli/operator/admin-client.ts';
import type { Screen } from '../../../src/cli/operator/screen.ts';
import { CommandFailure } from '../../../src/cli/exit-codes.ts';
import type { World } from '../../admin/support.ts';
import { createWorld } from '../../admin/support.ts';

export type AskedNode = {
  readonly world: World;
  readonly server: AdminServer;
  /** Options of a command that writes to `screen` for people. */
  readonly forPeople: { readonly client: AdminClient; readonly screen: Screen; readonly isJson: false };
  /** The same for scripts. */
  readonly forScripts: { readonly client: AdminClient; readonly screen: Screen; readonly isJson: true };
  /** What was written since it was taken last. */
  take(): string;
  end(): Promise<void>;
};

export async function startAskedNode(overrides: Partial<AdminOptions> = {}, token = ''): Promise<AskedNode> {
  const world = await createWorld();
  const server = await createAdminServer({ ...world.options, ...overrides });
  const { screen, take } = createScreen();
  const client = (isJson: boolean) => new AdminClient({ url: server.url, token, isJson });
  return {
    world,
    server,
    forPeople: { client: client(false), screen, isJson: false },
    forScripts: { client: client(true), screen, isJson: true },
    take,
    async end() {
      await server.close();
      await world.end();
    },
  };
}

export function createScreen(overrides: Partial<Screen> = {}): { screen: Screen; take: () => string } {
  let written = '';
  return {
    screen: {
      isTerminal: false,
      width: undefined,
      height: undefined,
      write: (text) => void (written += text),
      ...overrides,
    },
    take() {
      const taken = written;
      written = '';
      return taken;
    },
  };
}

/** Returns how a command ended that was to fail. */
export async function failureOf(work: Promise<unknown>): Promise<CommandFailure> {
  const failure: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure instanceof CommandFailure) return failure;
  throw new Error(`The command was to fail, but ended with ${String(failure)}`);
}
