import type { ClickHouseClient } from '@clickhouse/client';
import { TailraceError } from '../../core/errors.ts';
import { FORGETFUL_SETTINGS, type TableSettings } from './config.ts';
import { partsOf } from './expression.ts';
import { fillAnew } from './mapping.ts';
import {
  canonicalExpressions,
  settingsOf,
  ttlOf,
  type StoredTable,
  type StoredTableColumn,
} from './stored-table.ts';
import { missingIn, type TableLayout } from './table-layout.ts';

/** Throws SINK_SCHEMA_CONFLICT where something else stands under the name. */
export function assertEngine(
  { name, engine }: TableLayout,
  stored: StoredTable | undefined,
): asserts stored is StoredTable {
  // Replicated and shared variants of the engine are fine: the operator may have made the table.
  const versioned = engine.replace(/^\w+\(/, '');
  const found = stored?.definition ?? '';
  if (/^\w*ReplacingMergeTree\(/.test(found) && new RegExp(`[(,] ?${escaped(versioned)}`).test(found)) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `${name} exists in ClickHouse with the engine ${stored?.engine ?? 'of nothing'}, expected ${engine}`,
    'rename or drop what stands under that name, or give this sink another database.',
  );
}

function escaped(text: string): string {
  return text.replace(/[()]/g, '\\$&');
}

/**
 * Throws SINK_SCHEMA_CONFLICT with a line for each thing that differs and that ClickHouse cannot change. Where the config says
 * nothing of sorting key and partition key, those of a table that the operator made stand, if they keep versions together.
 */
export async function assertSame(
  client: ClickHouseClient,
  layout: TableLayout,
  stored: StoredTable,
  columns: readonly StoredTableColumn[],
  columnConflicts: readonly string[],
): Promise<void> {
  const { name, ttl } = layout;
  const lines = [
    ...(await keyDifferences(client, layout, stored, columns)),
    ...columnConflicts,
    ...forgetfulSettings(stored),
  ];
  if (ttl === null && ttlOf(stored) !== null) lines.push(`TTL is ${ttlOf(stored)}, and the config has none`);
  if (lines.length === 0) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `table ${name} of ClickHouse is not what source and config need:\n  ${lines.join('\n  ')}`,
    `change table or config yourself, or ${fillAnew(name)}.`,
  );
}

async function keyDifferences(
  client: ClickHouseClient,
  layout: TableLayout,
  { sortingKey, partitionBy }: StoredTable,
  columns: readonly StoredTableColumn[],
): Promise<string[]> {
  const { orderBy, identity, fixed } = layout;
  const strangersIn = (isIn: (column: StoredTableColumn) => boolean): string[] =>
    columns.filter((column) => isIn(column) && !fixed.includes(column.name)).map((column) => column.name);
  const lines: string[] = [];
  const isComplete = missingIn(partsOf(sortingKey), layout) === undefined;
  if (!isComplete || strangersIn(({ inSortingKey }) => inSortingKey).length > 0)
    lines.push(
      `ORDER BY is (${partsOf(sortingKey).join(', ')}), and needs the columns (${identity.join(', ')}) alone`,
    );
  else if (
    orderBy !== null &&
    !(await isSameExpression(client, partsOf(sortingKey).join(', '), orderBy.join(', ')))
  )
    lines.push(`ORDER BY is (${partsOf(sortingKey).join(', ')}), and the config has (${orderBy.join(', ')})`);
  const strangers = strangersIn(({ inPartitionKey }) => inPartitionKey);
  if (strangers.length > 0)
    lines.push(
      `PARTITION BY is ${partitionBy}, and ${strangers.join(', ')} can differ between versions of a row`,
    );
  else if (layout.partitionBy !== null && !(await isSameExpression(client, partitionBy, layout.partitionBy)))
    lines.push(
      `PARTITION BY is ${partitionBy === '' ? 'nothing' : partitionBy}, and the config has ${layout.partitionBy}`,
    );
  return lines;
}

/** Settings of a table that the operator made by which its merges would take tombstones away. */
function forgetfulSettings(stored: StoredTable): string[] {
  const found = settingsOf(stored);
  return FORGETFUL_SETTINGS.filter((name) => !['0', 'false', undefined].includes(found.get(name))).map(
    (name) => `${name} is ${found.get(name)}, and tombstones must stay`,
  );
}

/** What ClickHouse can change: a TTL where the config has another one, and the settings whose values differ. */
export async function changedOptions(
  client: ClickHouseClient,
  { ttl, settings }: TableLayout,
  stored: StoredTable,
): Promise<{ readonly ttl: string | null; readonly settings: TableSettings }> {
  const found = settingsOf(stored);
  const differing = Object.entries(settings).filter(([name, value]) => found.get(name) !== String(value));
  const isTtlSame = ttl === null || (await isSameExpression(client, ttlOf(stored) ?? '', ttl));
  return { ttl: isTtlSame ? null : ttl, settings: Object.fromEntries(differing) };
}

async function isSameExpression(client: ClickHouseClient, left: string, right: string): Promise<boolean> {
  if (left === right) return true;
  const [one, other] = await canonicalExpressions(client, [left, right]);
  return one != null && one === other;
}
