import { TailraceError } from '../../core/errors.ts';
import type { Aggregate } from './aggregate.ts';
import { aggregateStatement } from './aggregate-statement.ts';
import { typeOf } from './column-changes.ts';
import { baseOf, type TableColumn } from './column-type.ts';
import { quoteName } from './quote.ts';
import { readColumns, readTable } from './stored-table.ts';
import type { Database } from './structure.ts';

/**
 * Makes the materialized view of an aggregate, anew where its definition or a type that it depends on is another one. Nothing
 * of it is lost by that: it is computed from the rows. Where a column that it uses has become a String, the view stays as it
 * was, with a warning: rows go before sums. Throws SINK_SCHEMA_CONFLICT where something else stands under the name.
 */
export async function prepareAggregate({ client, log }: Database, aggregate: Aggregate): Promise<void> {
  const { name, source, used } = aggregate;
  const columns = await readColumns(client, source);
  const text = used.find((wanted) => hasBecomeText(wanted, columns));
  if (text !== undefined) {
    log.warn(
      { materializedView: name, column: text.name },
      'a materialized view is not refreshed any more: a column that it uses became a String',
    );
    return;
  }
  const { statement, comment } = aggregateStatement(aggregate, columns);
  const stored = await readTable(client, name);
  if (stored?.comment === comment) return;
  if (stored !== undefined && !stored.comment.startsWith('Tailrace '))
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `${name} exists in ClickHouse, and is no materialized view that Tailrace made`,
      'rename or drop it, or give the view another name in the config.',
    );
  if (stored !== undefined) await client.command({ query: `DROP VIEW IF EXISTS ${quoteName(name)} SYNC` });
  await client.command({ query: statement });
}

function hasBecomeText({ name, type }: TableColumn, columns: readonly TableColumn[]): boolean {
  return baseOf(type) !== 'String' && baseOf(typeOf(columns, name) ?? '') === 'String';
}
