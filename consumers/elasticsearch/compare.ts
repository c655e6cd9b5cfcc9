import { ownEntry } from '../../core/own-entry.ts';
import type { FieldMapping } from './fields.ts';
import { fieldAt, typeOf, type IndexState, type Property, type WantedIndex } from './index-state.ts';

/** One thing that is not in an index as it is wanted; values of the index' structure, never of rows. */
export interface Difference {
  /** For example `settings.number_of_shards` or `field title: analyzer`. */
  readonly what: string;
  readonly found: unknown;
  readonly wanted: unknown;
}

/** How an index that exists differs from what is wanted. */
export interface Comparison {
  /** What no request can change: another place of a column, another routing, another type of a field that the user declares. */
  readonly fixed: readonly Difference[];
  /** What may be changed, if Elasticsearch lets it. */
  readonly changes: readonly Difference[];
  /** The fields to be added or changed, by their paths. */
  readonly fields: Readonly<Record<string, FieldMapping>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Whether `_meta` is to be written again. */
  readonly isNestNew: boolean;
}

/** Pure. Fields that the index has beyond the wanted ones, and their parameters, are left as they are. */
export function compareIndex(found: IndexState, wanted: WantedIndex): Comparison {
  const fixed: Difference[] = [];
  const changes: Difference[] = [];
  const fields = new Map<string, FieldMapping>();
  const settings = new Map<string, unknown>();

  const routing = found.ownership?.routing;
  if (routing !== wanted.ownership.routing)
    fixed.push({ what: 'routing', found: routing ?? '_id', wanted: wanted.ownership.routing ?? '_id' });

  const nest = wanted.ownership.nest ?? {};
  const placed = found.ownership?.nest ?? {};
  for (const column of Object.keys({ ...placed, ...nest })) {
    const was =
      ownEntry(placed, column) ?? (fieldAt(found.properties, column) === undefined ? undefined : column);
    const is = ownEntry(nest, column) ?? (Object.hasOwn(wanted.fields, column) ? column : undefined);
    if (was !== undefined && is !== undefined && was !== is)
      fixed.push({ what: `place of column ${column}`, found: was, wanted: is });
  }

  for (const [path, field] of Object.entries(wanted.fields)) {
    const stored = fieldAt(found.properties, path);
    if (stored === undefined) fields.set(path, field);
    else if (typeOf(stored) !== field.type) {
      if (wanted.declared.has(path) || isOpenObject(stored))
        fixed.push({ what: `field ${path}: type`, found: typeOf(stored), wanted: field.type });
    } else {
      const different = parametersOf(path, stored, field);
      if (different.length === 0) continue;
      changes.push(...different);
      fields.set(path, field);
    }
  }

  for (const [name, value] of Object.entries(wanted.settings)) {
    if (isSame(found.settings[name], value)) continue;
    changes.push({ what: `settings.${name}`, found: found.settings[name], wanted: value });
    settings.set(`index.${name}`, value);
  }
  return {
    fixed,
    changes,
    fields: Object.fromEntries(fields),
    settings: Object.fromEntries(settings),
    isNestNew: Object.keys(nest).some((column) => !Object.hasOwn(placed, column)),
  };
}

/**
 * Which of the changes that were asked for were made, by those that are `left` when the index is read again: Elasticsearch does
 * not tell a parameter that has its default value, so some were none.
 */
export function madeOf(asked: readonly Difference[], left: readonly Difference[]): Difference[] {
  return asked.filter(
    ({ what, found }) => !left.some((each) => each.what === what && isSame(each.found, found)),
  );
}

/** An object with fields of its own takes no other value, whereas an unparsed one takes all. */
function isOpenObject(stored: Property): boolean {
  return typeOf(stored) === 'object' && stored['enabled'] !== false;
}

/** The parameters that are wanted and that the field lacks; Elasticsearch does not tell those that are its defaults. */
function parametersOf(path: string, stored: Property, wanted: FieldMapping): Difference[] {
  return Object.entries(wanted)
    .filter(([name, value]) => name !== 'type' && !isSame(stored[name], value))
    .map(([name, value]) => ({ what: `field ${path}: ${name}`, found: stored[name], wanted: value }));
}

/** Elasticsearch tells one value of a list parameter as a list, and leaves empty ones out. */
function isSame(found: unknown, wanted: unknown): boolean {
  return canonical(found) === canonical(wanted);
}

function canonical(value: unknown): string {
  const list = Array.isArray(value) ? value : [value];
  return JSON.stringify(
    list.filter((each) => each !== undefined),
    (_key, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).toSorted(([left], [right]) => (left < right ? -1 : 1)))
        : inner,
  );
}

/** `settings.number_of_shards is 1, wanted 3; ...` */
export function told(differences: readonly Difference[]): string {
  const text = (value: unknown): string =>
    value === undefined ? 'not set' : typeof value === 'string' ? value : JSON.stringify(value);
  return differences
    .map(({ what, found, wanted }) => `${what} is ${text(found)}, wanted ${text(wanted)}`)
    .join('; ');
}
