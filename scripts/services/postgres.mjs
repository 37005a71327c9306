/** A throw-away Postgres cluster. It forgets everything anyway, so it need not wait for the disk (`-F`), unless that is to be measured. */
import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { findOrInstall } from './find-program.mjs';
import { createFolder, startServer } from './server-process.mjs';

/** @param {{ isDurable?: boolean, isDetached?: boolean }} options `isDurable`: wait for the disk as a lasting server does; `isDetached`: as for `launch` */
export async function startPostgres({ isDurable = false, isDetached = false } = {}) {
  const program = findPostgres();
  const account = serverAccount();
  const folder = createFolder('postgres', account);
  const data = join(folder, 'data');
  execFileSync(
    join(dirname(program), 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...account },
  );
  const server = await startServer({
    name: 'Postgres',
    program,
    folder,
    account,
    isDetached,
    // Fast shutdown: open sessions are ended.
    stopSignal: 'SIGINT',
    arguments: (port) =>
      ['-D', data, ...(isDurable ? [] : ['-F']), '-p', String(port)].concat(
        ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'max_connections=200'].flatMap(
          (setting) => ['-c', setting],
        ),
      ),
    probe: (port) => postgresVersion(urlOf(port)),
  });
  return { ...server, url: urlOf(server.port) };
}

/** @returns {Promise<string>} the version of the server at `url`, which proves that it answers */
export async function postgresVersion(url) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT current_setting('server_version') AS version");
    return rows[0].version.split(' ')[0];
  } finally {
    await client.end();
  }
}

/** @returns {string} path of the server program; `initdb` and the like are beside it */
export function findPostgres() {
  return findOrInstall({
    program: 'postgres',
    debianPackage: 'postgresql',
    folders: ['/usr/lib/postgresql/*/bin', '/usr/local/pgsql/bin', '/opt/homebrew/bin'],
    variable: 'TEST_DATABASE_URL',
  });
}

/** Returns the account to run it as; `undefined`: our own. */
export function serverAccount() {
  return process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
}

function urlOf(port) {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

/** Postgres refuses to run as root. */
function unprivilegedAccount() {
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) =>
      Number.parseInt(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout, 10),
    );
    if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid, gid };
  }
  throw new Error(
    'Postgres refuses to run as root, and there is no account `postgres` or `nobody` to run it as.',
  );
}
