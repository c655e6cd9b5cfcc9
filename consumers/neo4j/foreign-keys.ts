import { qualifiedName, type ForeignKey } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import type { Neo4jTableOptions, RelationshipOptions } from './config.ts';
import { isRelationship } from './join-table.ts';
import { endpointOf, formsOf, referencedTarget, refersToKey, type Known } from './known-targets.ts';
import type { Edge, NodeLayout } from './layout.ts';
import { foreignKeyNamed } from './named-foreign-key.ts';
import { upperSnake } from './names.ts';

/** The foreign keys of a target that become relationships. Throws CONFIG_INVALID for an option that names none of them. */
export function edgesOf(
  target: Target,
  { relationships }: Neo4jTableOptions,
  known: Known,
): Pick<NodeLayout, 'edges' | 'unlinked' | 'notMade'> {
  const options = new Map(
    Object.entries(relationships).map(([name, entry]) => [
      foreignKeyNamed(target, name, `relationships.${name}`).name,
      entry,
    ]),
  );
  const wanted = target.table.foreignKeys.filter(({ name }) => options.get(name) !== 'none');
  const usable = wanted.filter((foreignKey) => obstacleOf(target, foreignKey, known) === null);
  const types = usable.map((foreignKey) => typeOf(foreignKey, options.get(foreignKey.name)));
  const edges = usable.map((foreignKey, index): Edge => {
    const chosen = options.get(foreignKey.name);
    const type = types[index] ?? '';
    const isShared = types.filter((other) => other === type).length > 1;
    const referenced = referencedTarget(foreignKey, known);
    return {
      name: foreignKey.name,
      // A constraint's name is unique in its table, and upperSnake never makes two underscores in a row.
      type: isShared && !isChosen(chosen) ? `${type}__${foreignKey.name}` : type,
      direction: chosen === undefined || chosen === 'none' ? 'out' : chosen.direction,
      by: referenced !== undefined && isByKey(target, foreignKey, referenced) ? 'key' : 'value',
      end: endpointOf(foreignKey, known),
    };
  });
  return {
    edges,
    unlinked: [...options].flatMap(([name, entry]) => (entry === 'none' ? [name] : [])),
    notMade: wanted.flatMap((foreignKey) => {
      const why = options.has(foreignKey.name) ? obstacleOf(target, foreignKey, known) : null;
      return why === null ? [] : [{ foreignKey: foreignKey.name, why }];
    }),
  };
}

/** Why a foreign key stays a property; null when it becomes a relationship. */
function obstacleOf(target: Target, foreignKey: ForeignKey, known: Known): string | null {
  const { columns, referencedSchema: schema, referencedTable: name } = foreignKey;
  const referenced = referencedTarget(foreignKey, known);
  if (referenced === undefined) return `the sink does not read ${qualifiedName({ schema, name })}`;
  if (isRelationship(referenced, known)) return `the rows of ${referenced.name} are relationships themselves`;
  if (formsOf(target, foreignKey, referenced) === 'incomparable')
    return `equal values of ${columns.join(', ')} and of what it refers to may differ in Neo4j`;
  return null;
}

/** Else a placeholder could stand for a row that has another text of the same value. */
function isByKey(target: Target, foreignKey: ForeignKey, referenced: Target): boolean {
  return refersToKey(foreignKey, referenced) && formsOf(target, foreignKey, referenced) === 'equal';
}

function typeOf({ columns, referencedTable }: ForeignKey, chosen: RelationshipOptions | undefined): string {
  if (isChosen(chosen)) return chosen.type;
  const [column, ...more] = columns;
  if (column === undefined || more.length > 0) return upperSnake(referencedTable);
  return upperSnake(column).replace(/(?<=.)_ID$/, '');
}

function isChosen(
  options: RelationshipOptions | undefined,
): options is { type: string; direction: 'out' | 'in' } {
  return options !== undefined && options !== 'none' && options.type !== undefined;
}
