import type { ForeignKey, Table } from './table.ts';
import { layoutName } from './table.ts';

/** A foreign key as the graph shows it. */
export interface Link {
  /** The relationship's type; for a table that is a relationship itself, which end it is. */
  readonly name: string;
  readonly foreignKey: ForeignKey;
}

/** A table whose key is exactly two foreign keys: its rows are relationships. */
export interface Relationship {
  readonly type: string;
  readonly from: ForeignKey;
  readonly to: ForeignKey;
}

/** The label of a table's nodes: `customer_mapping` gives `CustomerMapping`. */
export function labelOf(table: { schema: string; name: string }): string {
  const name = layoutName(table);
  const words = wordsOf(name).map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return words.join('') || name;
}

export function relationshipOf(table: Table): Relationship | null {
  const [from, to, ...more] = table.key.map((column) =>
    table.foreignKeys.find((foreignKey) => foreignKey.column === column.name),
  );
  if (from === undefined || to === undefined || more.length > 0) return null;
  return { type: upperSnake(layoutName(table)), from, to };
}

/** The foreign keys that a row of the table must show, in the order in which statements return them. */
export function linksOf(table: Table): readonly Link[] {
  const relationship = relationshipOf(table);
  if (relationship !== null)
    return [
      { name: 'start', foreignKey: relationship.from },
      { name: 'end', foreignKey: relationship.to },
    ];
  const followed = table.foreignKeys.filter((foreignKey) => foreignKey.isFollowed);
  const types = followed.map(({ column }) => upperSnake(column).replace(/(?<=.)_ID$/, ''));
  return followed.map((foreignKey, at) => {
    const type = types[at] ?? '';
    // Two foreign keys over one column are told apart by their constraints' names.
    const isShared = types.filter((other) => other === type).length > 1;
    return { name: isShared ? `${type}__${foreignKey.name}` : type, foreignKey };
  });
}

function upperSnake(name: string): string {
  const words = wordsOf(name.replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2'));
  return words.join('_').toUpperCase() || name;
}

function wordsOf(name: string): string[] {
  return name.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '');
}
