import { TailraceError } from '../../core/errors.ts';
import type { Aggregate } from './aggregate.ts';
import { baseOf } from './column-type.ts';
import { quoteName } from './quote.ts';
import { readColumns, readTable } from './stored-table.ts';
import type { Database } from './structure.ts';

/**
 * Makes the materialized view of an aggregate, anew where its definition is another one. Nothing of it is lost by that: it is
 * computed from the rows. Where a value has made one of the summed columns a String, the view stays as it was, with a warning:
 * rows go before sums. Throws SINK_SCHEMA_CONFLICT where something else stands under the name.
 */
export async function prepareAggregate({ client, log }: Database, aggregate: Aggregate): Promise<void> {
  const { name, statement, comment, numbers, source } = aggregate;
  const columns = await readColumns(client, source);
  const text = numbers.find((column) =>
    columns.some((one) => one.name === column && baseOf(one.type) === 'String'),
  );
  if (text !== undefined) {
    log.warn(
      { materializedView: name, column: text },
      'a materialized view is no longer refreshed: a value made the column that it adds up a String',
    );
    return;
  }
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
