import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, softwareFolder } from '../infra/cache.ts';
import { withLock } from '../infra/lock.ts';
import { unpackDebianPackages } from '../infra/packages.ts';
import { postgres } from '../infra/servers/postgres.ts';
import { StackError, exitCodes, reasonOf } from '../infra/stack-error.ts';
import { runTool } from '../infra/tool.ts';

const CLIENT = 'postgresql-client-15';
const PACKAGES = [CLIENT, 'libreadline8'];

/** Postgres' own client programs, and what they need in their environment. */
export interface PostgresClient {
  readonly pgRecvlogical: string;
  readonly psql: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The machine's pg_recvlogical and psql, the newest where there are several; else those of a Debian package, unpacked
 * once into the cache beside the servers. Throws StackError where neither is to be had.
 */
export async function findPostgresClient(onProgress: (line: string) => void): Promise<PostgresClient> {
  const installed = installedFolder();
  if (installed !== undefined) return clientIn(installed, {});
  const folder = join(cacheFolder(), CLIENT);
  await withLock(
    `${folder}.lock`,
    (pid) => onProgress(`postgres client: process ${pid} is downloading it, waiting`),
    async () => {
      if (!existsSync(folder)) await unpack(folder, onProgress);
    },
  );
  return clientIn(join(folder, 'usr', 'lib', 'postgresql', '15', 'bin'), librariesFor(folder));
}

function clientIn(folder: string, env: Readonly<Record<string, string>>): PostgresClient {
  return { pgRecvlogical: join(folder, 'pg_recvlogical'), psql: join(folder, 'psql'), env };
}

/** Debian's command on the PATH is a script that looks for a cluster first, so the program itself is preferred. */
function installedFolder(): string | undefined {
  const base = join('/usr', 'lib', 'postgresql');
  const versions = existsSync(base)
    ? readdirSync(base).sort((left, right) => Number(right) - Number(left))
    : [];
  const folders = [
    ...versions.map((version) => join(base, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':'),
  ];
  return folders.find((folder) =>
    ['pg_recvlogical', 'psql'].every((program) => existsSync(join(folder, program))),
  );
}

async function unpack(folder: string, onProgress: (line: string) => void): Promise<void> {
  onProgress(`postgres client: downloading ${PACKAGES.join(' ')}`);
  const unfinished = mkdtempSync(join(cacheFolder(), 'unfinished-'));
  try {
    await unpackDebianPackages(PACKAGES, unfinished);
    const { pgRecvlogical } = clientIn(join(unfinished, 'usr', 'lib', 'postgresql', '15', 'bin'), {});
    await runTool(pgRecvlogical, ['--version'], { env: librariesFor(unfinished) });
    renameSync(unfinished, folder);
  } catch (thrown) {
    throw new StackError(
      'DOWNLOAD_FAILED',
      exitCodes.failure,
      `pg_recvlogical is not on this machine and did not come from Debian: ${reasonOf(thrown)}`,
      'install the client programs of Postgres 15 or newer (Debian and Ubuntu: postgresql-client)',
    );
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The stack's own Postgres brings a newer libpq, which fits. */
function librariesFor(folder: string): Record<string, string> {
  const libpq = join(softwareFolder(postgres), 'native', 'lib');
  return { LD_LIBRARY_PATH: [libpq, join(folder, 'lib', 'x86_64-linux-gnu')].join(':') };
}
