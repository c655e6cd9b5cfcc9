import { relationshipOf } from './neo4j-layout.ts';
import { qualifiedName } from './table.ts';
import type { ForeignKey, Table } from './table.ts';

/**
 * Marks the foreign keys that a store of these tables can follow: those that refer to the whole key of a table which is
 * compared too and whose rows are nodes. A foreign key that refers to anything else in these tables is left out, since no
 * row is found by it.
 */
export function withFollowedKeys(tables: readonly Table[]): Table[] {
  const byName = new Map(tables.map((table) => [qualifiedName(table), table]));
  return tables.map((table) => ({
    ...table,
    foreignKeys: table.foreignKeys.flatMap((foreignKey) => {
      const referenced = byName.get(`${foreignKey.schema}.${foreignKey.table}`);
      if (referenced === undefined) return [foreignKey];
      return findsNode(foreignKey, referenced) ? [{ ...foreignKey, isFollowed: true }] : [];
    }),
  }));
}

function findsNode({ referencedColumn }: ForeignKey, referenced: Table): boolean {
  const isKey = referenced.key.length === 1 && referenced.key[0]?.name === referencedColumn;
  return isKey && relationshipOf(referenced) === null;
}
