import type { Row } from '../../schemas/value.ts';
import type { Target, Write } from '../sink.ts';
import type { RedisOptions, RedisTableOptions } from './config.ts';
import { membershipsOf, TIME_KINDS, timeMs, type Memberships } from './indexes.ts';
import { jsonRow } from './json-row.ts';
import { keyNames, rowValues, type KeyNames } from './mapping.ts';

/** How the rows of one schema of a target are kept. */
export interface Layout {
  readonly names: KeyNames;
  /** What the scripts need to know of the table, as JSON; see scripts.ts. */
  readonly header: string;
  /** What the scripts take of one row: position, nulls, extras, values; see scripts.ts. */
  rowArguments(write: Write & { op: 'upsert' }): readonly string[];
}

/** Throws TailraceError SINK_SCHEMA_CONFLICT for names that this sink needs for itself. */
export function layoutOf(
  target: Target,
  options: RedisTableOptions,
  { tombstoneTtl, hashTags }: Pick<RedisOptions, 'tombstoneTtl' | 'hashTags'>,
): Layout {
  const names = keyNames(target, hashTags);
  const columns = target.table.columns.map(({ name }) => name);
  const memberships = membershipsOf(target.table, names.row, options);
  const expiry = expiryOf(target, options);
  return {
    names,
    header: JSON.stringify({
      as: options.as,
      prefix: names.row,
      columns: options.as === 'hash' ? columns : ['row'],
      isIndexed: memberships !== null,
      tombstoneTtl: tombstoneTtl ?? undefined,
      ttl: typeof options.ttl === 'number' ? options.ttl : undefined,
      channel: options.notify,
      stream: options.stream && names.row + options.stream.name,
      maxLength: options.stream?.maxLength,
    }),
    rowArguments({ row, position }) {
      const isIn = memberships?.(row) ?? NOWHERE;
      const memberText = membershipText(isIn);
      const expiresAt = expiry?.(row) ?? null;
      const extras =
        memberText === '' && expiresAt === null
          ? ''
          : JSON.stringify({ ...isIn, memberships: memberText, expiresAt: expiresAt ?? undefined });
      if (options.as === 'json')
        return [position, '', extras, jsonRow(target.table, row, position, memberText)];
      const { values, nulls } = rowValues(columns, row);
      return [position, nulls, extras, ...values];
    },
  };
}

const NOWHERE: Memberships = { sets: [], sorted: [] };

/**
 * The memberships as the row keeps them, so that a later write knows where the row was, whatever the options were then. A `]`
 * in a name is escaped: the scripts take the first plain one for the end of the list.
 */
function membershipText({ sets, sorted }: Memberships): string {
  const names = [...sets, ...sorted.map(([name]) => name)];
  if (names.length === 0) return '';
  return `[${names.map((name) => JSON.stringify(name).replaceAll(']', String.raw`\u005d`)).join(',')}]`;
}

/** The time at which a row expires, in whole milliseconds since 1970; null for a row that does not. */
function expiryOf({ table }: Target, { ttl }: RedisTableOptions): ((row: Row) => number | null) | null {
  if (ttl === undefined || typeof ttl === 'number') return null;
  const column = table.columns.find(({ name, kind }) => name === ttl.column && TIME_KINDS.includes(kind));
  if (column === undefined) return null;
  return (row) => {
    const time = timeMs(row[column.name] ?? null);
    if (time === null || time === Number.POSITIVE_INFINITY) return null;
    // No server's clock tells earlier times apart, nor -infinity.
    return Math.max(0, Math.floor(time));
  };
}
