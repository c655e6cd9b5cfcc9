import type { Column, TableSchema } from './table-schema.ts';
import { sanitizeTopicPart, tableTopic } from './topics.ts';

const namesOf = new WeakMap<readonly Column[], Map<string, string>>();

/** Column names as Avro allows them; two columns that would fall together are told apart by a number. */
export function avroNames(columns: readonly Column[]): ReadonlyMap<string, string> {
  const known = namesOf.get(columns);
  if (known !== undefined) return known;
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const { name } of columns) {
    const base = avroName(name);
    let free = base;
    for (let number = 2; taken.has(free); number++) free = `${base}_${number}`;
    taken.add(free);
    names.set(name, free);
  }
  namesOf.set(columns, names);
  return names;
}

/** The namespace of a table's records: its topic's name, as Debezium has it. */
export function avroNamespace(pipeline: string, table: TableSchema): string {
  return tableTopic(pipeline, table).split('.').map(avroName).join('.');
}

function avroName(name: string): string {
  const safe = sanitizeTopicPart(name).replace(/[.-]/g, '_');
  // Every object has this one already, and readers would set its prototype.
  return /^[A-Za-z_]/.test(safe) && safe !== '__proto__' ? safe : `_${safe}`;
}
