import type { ForeignKey } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { unfitting } from './unfitting-options.ts';

/** The foreign key of that constraint, or of that column alone. Throws CONFIG_INVALID where there is none, or several. */
export function foreignKeyNamed(target: Target, name: string, option: string): ForeignKey {
  const { foreignKeys } = target.table;
  const byName = foreignKeys.find((foreignKey) => foreignKey.name === name);
  if (byName !== undefined) return byName;
  const byColumn = foreignKeys.filter(({ columns }) => columns.length === 1 && columns[0] === name);
  const [only] = byColumn;
  if (only !== undefined && byColumn.length === 1) return only;
  const names = foreignKeys.map((foreignKey) => `${foreignKey.name} (${foreignKey.columns.join(', ')})`);
  throw unfitting(
    target,
    option,
    byColumn.length > 1 ? 'several foreign keys have this column' : 'the table has no such foreign key',
    names.length === 0 ? 'take it out' : `name one of: ${names.join('; ')}`,
  );
}
