import { TailraceError } from '../../core/errors.ts';
import type { Target } from '../sink.ts';
import { ElasticsearchRefusal } from './errors.ts';
import { fieldsOf, type FieldMapping, type StoredFields } from './mapping.ts';
import { aliasNameOf, firstIndexOf } from './names.ts';
import type { Send } from './requests.ts';

/** Every column can take two fields (a text and its keyword), and Postgres allows 1,600 columns. */
const FIELDS_LIMIT = 3300;

/** Readers of the alias see live rows only; tombstones stay in the index to refuse stale writes. */
const LIVE_ROWS = { bool: { must_not: { term: { __deleted: true } } } };

interface IndexMapping {
  readonly _meta?: { readonly tailrace?: { readonly target?: string } };
  readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
}

/**
 * Makes index and alias of a target where they are missing and adds missing fields. A field is never removed and keeps its
 * type, so an older schema that comes again changes nothing. Safe to run twice and at once. Answers the fields' types.
 */
export async function prepareIndex(send: Send, target: Target): Promise<StoredFields> {
  const alias = aliasNameOf(target.name);
  const fields = fieldsOf(target.table);
  try {
    const index = (await indexBehind(send, alias)) ?? (await createIndex(send, alias, target.name, fields));
    const mapping = await mappingOf(send, index);
    assertOwner(index, target.name, mapping);
    await addMissingFields(send, index, fields, mapping);
    return new Map(Object.entries(fields).map(([name, { type }]) => [name, fieldAt(mapping, name) ?? type]));
  } catch (error) {
    if (!(error instanceof ElasticsearchRefusal) || error.status !== 400) throw error;
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `Elasticsearch refused the structure of ${alias} (${error.type})`,
      'rename the columns or the table for this sink, or remove what stands in the way (an index of that name).',
      { cause: error },
    );
  }
}

/** The index of an alias, null where there is none. */
export async function indexBehind(send: Send, alias: string): Promise<string | null> {
  const { status, body } = await send({ method: 'GET', path: `/_alias/${path(alias)}`, ignore: [404] });
  return status === 404 ? null : (Object.keys(body as object)[0] ?? null);
}

/** Both steps change nothing when they are repeated, so a crash between them or a second process does no harm. */
async function createIndex(
  send: Send,
  alias: string,
  targetName: string,
  fields: Readonly<Record<string, FieldMapping>>,
): Promise<string> {
  const index = firstIndexOf(alias);
  const settings = { 'translog.durability': 'request', 'mapping.total_fields.limit': FIELDS_LIMIT };
  const mappings = { dynamic: 'strict', _meta: { tailrace: { target: targetName } }, properties: fields };
  try {
    await send({ method: 'PUT', path: `/${path(index)}`, body: { settings: { index: settings }, mappings } });
  } catch (error) {
    const exists =
      error instanceof ElasticsearchRefusal && error.type === 'resource_already_exists_exception';
    if (!exists) throw error;
    // An index that somebody else made must not get our alias.
    assertOwner(index, targetName, await mappingOf(send, index));
  }
  const add = { index, alias, filter: LIVE_ROWS };
  await send({ method: 'POST', path: '/_aliases', body: { actions: [{ add }] } });
  return index;
}

async function mappingOf(send: Send, index: string): Promise<IndexMapping> {
  const { body } = await send({ method: 'GET', path: `/${path(index)}/_mapping` });
  const [found] = Object.values(body as Record<string, { mappings: IndexMapping }>);
  return found?.mappings ?? {};
}

function assertOwner(index: string, targetName: string, mapping: IndexMapping): void {
  const owner = mapping._meta?.tailrace?.target;
  if (owner === targetName) return;
  if (owner === undefined)
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `index ${index} exists and was not made by Tailrace`,
      'remove or rename that index, or use another cluster for this sink.',
    );
  throw new TailraceError(
    'TABLE_NAMES_COLLIDE',
    `tables ${owner} and ${targetName} both need the index ${index}, because names of indices are lower case and plain`,
    'leave one of the two tables out of this sink.',
  );
}

async function addMissingFields(
  send: Send,
  index: string,
  wanted: Readonly<Record<string, FieldMapping>>,
  mapping: IndexMapping,
): Promise<void> {
  const missing = Object.entries(wanted).filter(([name]) => fieldAt(mapping, name) === undefined);
  if (missing.length === 0) return;
  await send({
    method: 'PUT',
    path: `/${path(index)}/_mapping`,
    body: { properties: Object.fromEntries(missing) },
  });
}

/** The type of a field, undefined when there is none. Elasticsearch keeps `a.b` as field b inside of object a. */
function fieldAt(mapping: IndexMapping, name: string): string | undefined {
  let level: IndexMapping | undefined = mapping;
  let found: { readonly type?: string } | undefined;
  for (const segment of name.split('.')) {
    const properties: IndexMapping['properties'] = level?.properties;
    if (properties === undefined || !Object.hasOwn(properties, segment)) return undefined;
    found = properties[segment];
    level = found as IndexMapping;
  }
  return found?.type ?? 'object';
}

export function path(name: string): string {
  return encodeURIComponent(name);
}
