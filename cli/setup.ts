import { Command } from 'commander';
import { readTableSchema } from '../producers/postgres/catalog.ts';
import { connectSource, sourceError } from '../producers/postgres/connection.ts';
import { preflight, quoteIdentifier, quoteTable } from '../producers/postgres/preflight.ts';
import { publicationStatements, slotName } from '../producers/postgres/slot.ts';
import type { LoadedConfig } from '../core/config/load.ts';
import { loadFrom, withConfig, type ConfigOption } from './options.ts';

interface SetupOptions extends ConfigOption {
  readonly printSql?: boolean;
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
    .addHelpText(
      'after',
      `
Examples:
  tailrace setup                  make the publication now (the first run of the producer does it too)
  tailrace setup --print-sql      hand the statements to a DBA`,
    )
    .action(async (options: SetupOptions) => setup(await loadFrom(options), options.printSql === true));
}

async function setup(loaded: LoadedConfig, printOnly: boolean): Promise<void> {
  const { pipeline, source } = loaded.config;
  const client = await connectSource(source.url, `tailrace ${pipeline} setup`);
  try {
    const tables = await preflight(client, source);
    const publication = slotName(pipeline);
    const statements = await publicationStatements(client, publication, tables);
    if (printOnly) {
      process.stdout.write(roleStatements(tables, publication, statements));
      return;
    }
    for (const statement of statements) await client.query(statement);
    for (const table of tables) {
      const schema = await readTableSchema(client, table.oid);
      process.stdout.write(
        `${table.schema}.${table.name}: key (${schema?.key.join(', ')}), ${schema?.columns.length} columns\n`,
      );
    }
    process.stdout.write(
      `publication ${publication}: ${statements.length === 0 ? 'was up to date' : 'made'}\n`,
    );
  } catch (error) {
    throw sourceError(error, source.url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function roleStatements(
  tables: readonly { schema: string; name: string }[],
  publication: string,
  publicationSql: readonly string[],
): string {
  const schemas = [...new Set(tables.map(({ schema }) => schema))].map(quoteIdentifier).join(', ');
  return [
    '-- A role that may read and replicate these tables, and nothing else. Choose its password.',
    "CREATE ROLE tailrace LOGIN REPLICATION PASSWORD '...';",
    `GRANT USAGE ON SCHEMA ${schemas} TO tailrace;`,
    `GRANT SELECT ON ${tables.map(quoteTable).join(', ')} TO tailrace;`,
    '-- As the owner of the tables:',
    ...(publicationSql.length === 0
      ? [`-- publication ${quoteIdentifier(publication)} is up to date`]
      : publicationSql.map((statement) => `${statement};`)),
    '-- The slot is made by the first run of the producer:',
    `-- SELECT pg_create_logical_replication_slot('${publication}', 'pgoutput');`,
    '',
  ].join('\n');
}
