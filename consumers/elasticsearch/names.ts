/**
 * A target's name as Elasticsearch allows it for an index and its alias: lower case, without its special characters and
 * without a `-`, `_`, `+` or `.` in front. Two targets can get one name that way; `prepare` refuses the second.
 * Postgres' names end at 63 bytes, so that schema and table stay below Elasticsearch's 255.
 */
export function aliasNameOf(targetName: string): string {
  const name = targetName
    .toLowerCase()
    .replace(/[\\/*?"<>|\s,#:;]/g, '_')
    .replace(/^[-_+.]+/, '');
  return name === '' ? 'table' : name;
}

/** The first generation of a target's index; a rebuild fills the next one and moves the alias. */
export function firstIndexOf(alias: string): string {
  return `${alias}-1`;
}
