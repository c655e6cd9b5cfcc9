import { Command } from 'commander';
import type pg from 'pg';
import { listTables, readTableSchema } from '../producers/postgres/tables/catalog.ts';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { bothPublicationStatements } from '../producers/postgres/tables/insert-publication.ts';
import { preflight, selectTables } from '../producers/postgres/preflight.ts';
import { quoteIdentifier, quoteTable } from '../producers/postgres/quote.ts';
import { slotName } from '../producers/postgres/slot/slot.ts';
import { findTableProblems } from '../producers/postgres/tables/table-problems.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { loadWithSource, withConfig, type ConfigOption } from './options.ts';

interface SetupOptions extends ConfigOption {
  readonly printSql?: boolean;
  readonly role: string;
}

export function setupCommand(): Command {
  return withConfig(new Command('setup'))
    .description(
      'check the source and make its publication; with --print-sql only print what a DBA would run',
    )
    .option(
      '--print-sql',
      'print the statements for a least-privilege role, the publication and the slot; change nothing',
    )
    .option('--role <name>', 'with --print-sql: name of the role', 'tailrace')
    .addHelpText(
      'after',
      `
Examples:
  tailrace setup                  make the publication now (the first run of the producer does it too)
  tailrace setup --print-sql      hand the statements to a DBA
  tailrace setup --print-sql --role cdc | less`,
    )
    .action(async (options: SetupOptions) => {
      const loaded = await loadWithSource(options);
      await withSource(loaded, (client) =>
        options.printSql === true ? printSql(client, loaded, options.role) : setUp(client, loaded),
      );
    });
}

async function withSource(
  { config }: LoadedConfig,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const { pipeline, source } = config;
  const client = await connectSource(source.url, `tailrace ${pipeline} setup`);
  try {
    await work(client);
  } catch (error) {
    throw sourceError(error, source.url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function setUp(client: pg.Client, { config }: LoadedConfig): Promise<void> {
  const { tables, problems } = await preflight(client, config.source);
  for (const problem of problems.values()) throw problem;
  const publication = slotName(config.pipeline);
  const statements = await bothPublicationStatements(client, publication, tables, config.source.appendOnly);
  for (const statement of statements) await client.query(statement);
  for (const table of tables) {
    const schema = await readTableSchema(client, table.oid);
    const key = table.hasPrimaryKey ? `key (${schema?.key.join(', ')})` : 'no key, inserts only';
    process.stdout.write(`${table.schema}.${table.name}: ${key}, ${schema?.columns.length} columns\n`);
  }
  process.stdout.write(
    `publication ${publication}: ${statements.length === 0 ? 'was up to date' : 'made'}\n`,
  );
}

/** Needs no right but to connect, since it is what a role without rights is told to run. */
async function printSql(client: pg.Client, { config }: LoadedConfig, role: string): Promise<void> {
  const tables = selectTables(await listTables(client), config.source);
  const problems = [...(await findTableProblems(client, tables, config.source.appendOnly)).values()];
  // Rights are what the statements give; they must not publish a table whose updates would then fail.
  const problem = problems.find(({ code }) => code !== 'SOURCE_PERMISSION_DENIED');
  if (problem !== undefined) throw problem;
  const publication = slotName(config.pipeline);
  const statements = await bothPublicationStatements(client, publication, tables, config.source.appendOnly);
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  const who = quoteIdentifier(role);
  const schemas = [...new Set(tables.map(({ schema }) => schema))].map(quoteIdentifier).join(', ');
  process.stdout.write(
    [
      '-- As a superuser: a role that may read and replicate these tables, and nothing else. Choose its password.',
      `CREATE ROLE ${who} LOGIN REPLICATION PASSWORD '...';`,
      '-- As the owner of the database and of the tables:',
      `GRANT CONNECT ON DATABASE ${quoteIdentifier(rows[0]?.name ?? '')} TO ${who};`,
      `GRANT USAGE ON SCHEMA ${schemas} TO ${who};`,
      `GRANT SELECT ON ${tables.map(quoteTable).join(', ')} TO ${who};`,
      ...(statements.length === 0
        ? [`-- Publication ${quoteIdentifier(publication)} is up to date.`]
        : statements.map((statement) => `${statement};`)),
      ...(tables.every(({ hasPrimaryKey }) => hasPrimaryKey)
        ? []
        : [
            '-- Tables without a key are locked for a moment when their history begins: the role must own them.',
          ]),
      "-- The producer's first start makes the slot; REPLICATION is enough for it.",
      '',
    ].join('\n'),
  );
}
