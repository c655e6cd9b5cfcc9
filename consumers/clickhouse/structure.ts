import type { ClickHouseClient } from '@clickhouse/client';
import type { Logger } from '../../core/logger.ts';
import { neededChanges, typeOf } from './column-changes.ts';
import { nullable, type TableColumn } from './column-type.ts';
import { assertEngine, assertSame, changedOptions } from './difference.ts';
import { alterColumns, createTable, createView, modifySettings, modifyTtl } from './statements.ts';
import { readColumns, readTable } from './stored-table.ts';
import type { TableLayout } from './table-layout.ts';

const VIEW_ATTEMPTS = 5;

export interface Database {
  readonly client: ClickHouseClient;
  readonly log: Logger;
}

/**
 * Makes table and view of a layout where they are missing, adds missing columns, widens those that cannot hold all values of
 * the target's, and changes TTL and settings to those of the config. The view shows the columns of the present schema
 * (`isPresent`). Safe to run twice and at once. Answers the columns of the table. Throws SINK_SCHEMA_CONFLICT with what
 * differs and cannot be changed.
 */
export async function prepareTable(
  { client, log }: Database,
  layout: TableLayout,
  isPresent: boolean,
): Promise<readonly TableColumn[]> {
  const { name: table } = layout;
  await client.command({ query: createTable(layout) });
  const found = await readTable(client, table);
  assertEngine(layout, found);
  const stored = await readColumns(client, table);
  const { added, modified, conflicts } = neededChanges(layout, stored);
  await assertSame(client, layout, found, stored, conflicts);
  if (added.length + modified.length > 0)
    await client.command({ query: alterColumns(table, { added, modified }) });
  for (const { name, type } of modified)
    log.warn({ table, column: name, from: typeOf(stored, name), to: type }, 'changed the type of a column');
  const { ttl, settings } = await changedOptions(client, layout, found);
  if (Object.keys(settings).length > 0) await client.command({ query: modifySettings(table, settings) });
  await refreshView(client, layout, { isPresent, isOther: ttl !== null });
  // After the view, which must hide what the new TTL takes away.
  if (ttl !== null) await client.command({ query: modifyTtl(table, ttl) });
  return readColumns(client, table);
}

/** Makes columns String, because they have to hold values that their types cannot. Answers the columns of the table. */
export async function widenToText(
  { client, log }: Database,
  layout: TableLayout,
  columns: ReadonlySet<string>,
): Promise<readonly TableColumn[]> {
  const modified = [...columns].map((name) => ({ name, type: nullable('String') }));
  await client.command({ query: alterColumns(layout.name, { added: [], modified }) });
  for (const column of columns)
    log.warn({ table: layout.name, column }, 'made a column String, because a value does not fit its type');
  await refreshView(client, layout, { isPresent: false, isOther: false });
  return readColumns(client, layout.name);
}

/**
 * The view shows the columns of the present schema; without one, those that it has shown so far. Each process looks again
 * after it replaced the view, so the last one leaves it with the types that the table has. `isOther`: it is replaced even where
 * its columns are right.
 */
async function refreshView(
  client: ClickHouseClient,
  layout: TableLayout,
  { isPresent, isOther }: { readonly isPresent: boolean; readonly isOther: boolean },
): Promise<void> {
  for (let attempt = 1; attempt <= VIEW_ATTEMPTS; attempt++) {
    const shown = await readColumns(client, layout.view);
    const chosen = isPresent || shown.length === 0 ? layout.columns : shown;
    const hidden = layout.internals.filter((column) => !layout.shown.includes(column));
    const wanted = (await readColumns(client, layout.name)).filter(
      ({ name }) => typeOf(hidden, name) === undefined && typeOf(chosen, name) !== undefined,
    );
    if (signature(wanted) === signature(shown) && !(isOther && attempt === 1)) return;
    await client.command({
      query: createView(
        layout,
        wanted.map(({ name }) => name),
      ),
    });
  }
}

function signature(columns: readonly TableColumn[]): string {
  return JSON.stringify(columns.map(({ name, type }) => [name, type]));
}
