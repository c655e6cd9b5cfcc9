import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import type { SourceConfig } from '../../../core/config/schema.ts';
import { TailraceError } from '../../../core/errors.ts';
import { qualifiedName } from '../../../schemas/table-schema.ts';
import type { Transform } from '../../../transforms/transform.ts';
import { readCapturedForms, type CapturedForm } from '../../captured-forms.ts';
import { connectSource } from '../connection.ts';
import { copyStructure } from './copy-structure.ts';
import { runMigration, type Migration } from './migration.ts';
import { openScratchDatabase } from './scratch-database.ts';
import { readStructure } from './structure.ts';

/** The captured tables before and after a migration that did not happen. */
export interface PlannedTables {
  readonly before: readonly CapturedForm[];
  readonly after: readonly CapturedForm[];
  /** What of the schema could not be copied, and was not there when the migration ran. */
  readonly notCopied: readonly string[];
  /** Statements of the migration that did not run. */
  readonly leftOut: readonly string[];
}

/**
 * Runs a migration on an empty copy of the source's schema, in a scratch database of the same server or of `scratchUrl`'s.
 * The source itself is only asked for its catalogue. Throws MIGRATION_FAILED, SCRATCH_FAILED, SOURCE_*.
 */
export async function planTables(
  source: SourceConfig,
  transforms: readonly Transform[],
  migration: Migration,
  options: { readonly scratchUrl: string | undefined; readonly signal: AbortSignal },
): Promise<PlannedTables> {
  await using stack = new AsyncDisposableStack();
  const client = await connectSource(source.url, 'tailrace plan');
  stack.defer(() => client.end().catch(() => undefined));
  const structure = await readStructure(client);
  const expected = await readCapturedForms(client, source, transforms);
  const searchPath = await readSearchPath(source.url);
  const scratch = stack.use(
    await openScratchDatabase(options.scratchUrl ?? source.url, client, options.signal),
  );
  const notCopied = await copyStructure(scratch.client, structure);
  const before = await readCapturedForms(scratch.client, source, transforms);
  refuseInexact(expected, before, notCopied);
  const leftOut = await runMigration(scratch.client, migration, searchPath);
  const after = await readCapturedForms(scratch.client, source, transforms);
  await scratch.client.query('ROLLBACK');
  return { before, after, notCopied, leftOut };
}

/** Where the source's role finds tables without a schema; our own sessions look nowhere. */
async function readSearchPath(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ path: string }>("SELECT current_setting('search_path') AS path");
    return rows[0]?.path ?? '';
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A plan from a copy that differs would be wrong without telling. */
function refuseInexact(
  expected: readonly CapturedForm[],
  copied: readonly CapturedForm[],
  notCopied: readonly string[],
): void {
  const shown = ({ table, filled }: CapturedForm) => ({ table, filled });
  const different = expected.filter(
    (form) => !copied.some((copy) => isDeepStrictEqual(shown(copy), shown(form))),
  );
  if (different.length === 0) return;
  const lacking = notCopied.length === 0 ? '' : `; what could not be made: ${notCopied.join(', ')}`;
  throw new TailraceError(
    'SCRATCH_FAILED',
    `the scratch copy differs from the source in ${different.map(({ table }) => qualifiedName(table)).join(', ')}${lacking}`,
    'run as a role that may make what is named, or name a server that has it (extensions too) with --scratch postgres://...',
  );
}
