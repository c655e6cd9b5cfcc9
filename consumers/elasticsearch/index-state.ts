import type { Fields } from './fields.ts';
import type { Send } from './requests.ts';
import type { FlatSettings } from './settings.ts';

/** Where a property of a mapping is an object, it has properties of its own. */
export interface Property {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly [parameter: string]: unknown;
}

/** What we write into an index to know it again. */
export interface Ownership {
  /** The target's name. */
  readonly target: string;
  /** The column that routes; absent where the `_id` does. */
  readonly routing?: string;
  /** By column, the path of its field; only of columns that stand in objects. */
  readonly nest?: Readonly<Record<string, string>>;
}

/** An index as Elasticsearch describes it. */
export interface IndexState {
  readonly name: string;
  /** Undefined where somebody else made the index. */
  readonly ownership: Ownership | undefined;
  /** All of the mapping's `_meta`, where others may keep notes too. */
  readonly meta: object;
  readonly properties: Readonly<Record<string, Property>>;
  readonly settings: FlatSettings;
  /** The filters of its aliases by their names; null for an alias without one. */
  readonly filters: ReadonlyMap<string, object | null>;
}

/** What the sink wants an index to be. */
export interface WantedIndex {
  readonly ownership: Ownership;
  readonly fields: Fields;
  /** The paths of the fields that the user describes, whose type must be the one that he names. */
  readonly declared: ReadonlySet<string>;
  readonly settings: FlatSettings;
}

/** The indices of an alias; none where there is no such alias. */
export async function indicesBehind(send: Send, alias: string): Promise<readonly string[]> {
  const { status, body } = await send({ method: 'GET', path: `/_alias/${path(alias)}`, ignore: [404] });
  return status === 404 ? [] : Object.keys(body as object);
}

export async function readIndex(send: Send, name: string): Promise<IndexState> {
  const { body } = await send({ method: 'GET', path: `/${path(name)}`, query: { flat_settings: true } });
  const [found] = Object.values(body as Record<string, Description>);
  const { aliases = {}, mappings = {}, settings = {} } = found ?? {};
  return {
    name,
    ownership: mappings._meta?.tailrace,
    meta: mappings._meta ?? {},
    properties: mappings.properties ?? {},
    settings: Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [key.replace(/^index\./, ''), value]),
    ),
    filters: new Map(Object.entries(aliases).map(([alias, { filter }]) => [alias, filter ?? null])),
  };
}

interface Description {
  readonly aliases?: Readonly<Record<string, { readonly filter?: object }>>;
  readonly mappings?: {
    readonly _meta?: { readonly tailrace?: Ownership };
    readonly properties?: Readonly<Record<string, Property>>;
  };
  readonly settings?: FlatSettings;
}

/** The field at a path, undefined when there is none. Elasticsearch keeps `a.b` as field b inside of object a. */
export function fieldAt(properties: IndexState['properties'], fieldPath: string): Property | undefined {
  let level: IndexState['properties'] | undefined = properties;
  let found: Property | undefined;
  for (const segment of fieldPath.split('.')) {
    if (level === undefined || !Object.hasOwn(level, segment)) return undefined;
    found = level[segment];
    level = found?.properties;
  }
  return found;
}

/** The type of a field; Elasticsearch does not write it for an object. */
export function typeOf(property: Property): string {
  return property.type ?? 'object';
}

export function path(name: string): string {
  return encodeURIComponent(name);
}
