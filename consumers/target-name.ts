/** Name of a table in a store: `<table>` for schema public, else `<schema>_<table>`. */
export function tableName(table: { schema: string; name: string }): string {
  return table.schema === 'public' ? table.name : `${table.schema}_${table.name}`;
}
