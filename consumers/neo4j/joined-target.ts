import type { Target } from '../sink.ts';

/**
 * A target as all its schemas of this process together: its first one, which is that of the source when the sink started, and
 * what later ones add. They come in any order, an older one perhaps in a replay, so nothing is taken away and a foreign key
 * of the same columns stays as it was; that waits for the next start. Another key is no addition: the wanted schema stands
 * alone, for the caller to refuse.
 */
export function joinedTarget(known: Target | undefined, wanted: Target): Target {
  if (known === undefined || String(known.table.key) !== String(wanted.table.key)) return wanted;
  const names = new Set(known.table.columns.map(({ name }) => name));
  const referring = new Set(known.table.foreignKeys.map(({ columns }) => JSON.stringify(columns)));
  const columns = wanted.table.columns.filter(({ name }) => !names.has(name));
  const foreignKeys = wanted.table.foreignKeys.filter((key) => !referring.has(JSON.stringify(key.columns)));
  if (columns.length + foreignKeys.length === 0) return known;
  return {
    ...known,
    table: {
      ...known.table,
      columns: [...known.table.columns, ...columns],
      foreignKeys: [...known.table.foreignKeys, ...foreignKeys],
    },
  };
}
