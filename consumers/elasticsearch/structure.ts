import { TailraceError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Target } from '../sink.ts';
import { compareIndex, madeOf, told, type Comparison, type Difference } from './compare.ts';
import type { ElasticsearchTableOptions } from './config.ts';
import { ElasticsearchRefusal } from './errors.ts';
import {
  fieldAt,
  indicesBehind,
  path,
  readIndex,
  typeOf,
  type IndexState,
  type WantedIndex,
} from './index-state.ts';
import type { StoredFields } from './mapping.ts';
import { aliasNameOf, firstIndexOf } from './names.ts';
import type { Send } from './requests.ts';
import { wantedIndex } from './wanted-index.ts';

/** Every column can take two fields (a text and its keyword), and Postgres allows 1,600 columns. */
const FIELDS_LIMIT = 3300;

/** Readers of the alias see live rows only; tombstones stay in the index to refuse stale writes. */
const LIVE_ROWS = { bool: { must_not: { term: { __deleted: true } } } };

/** The index of a target, as it is once it is prepared. */
export interface PreparedIndex {
  readonly name: string;
  readonly fields: StoredFields;
}

/**
 * Makes index and alias of a target where they are missing, adds missing fields and changes what may be changed. A field is
 * never removed and keeps its type, so an older schema that comes again changes nothing. Safe to run twice and at once.
 * Throws SINK_SCHEMA_CONFLICT with all differences where the index cannot become what is wanted.
 */
export async function prepareIndex(
  send: Send,
  log: Logger,
  target: Target,
  options: ElasticsearchTableOptions,
): Promise<PreparedIndex> {
  const alias = aliasNameOf(target.name);
  const wanted = wantedIndex(target, options);
  const name = (await indexOf(send, alias)) ?? (await createIndex(send, alias, wanted, options));
  const found = await readIndex(send, name);
  assertOwner(found, target.name);
  const comparison = compareIndex(found, wanted);
  if (comparison.fixed.length > 0)
    throw differs(name, [...comparison.fixed, ...comparison.changes], 'no index can change that');
  await change(send, log, found, wanted, comparison);
  await hideTombstones(send, log, found, alias);
  const fields = Object.entries(wanted.fields).map(([at, { type }]) => {
    const stored = fieldAt(found.properties, at);
    return [at, stored === undefined ? type : typeOf(stored)] as const;
  });
  return { name, fields: new Map(fields) };
}

/** The index of an alias, null where there is none. Throws SINK_SCHEMA_CONFLICT where there are several. */
export async function indexOf(send: Send, alias: string): Promise<string | null> {
  const [first, ...others] = await indicesBehind(send, alias);
  if (others.length === 0) return first ?? null;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `alias ${alias} stands for several indices: ${[first, ...others].join(', ')}`,
    'take the alias from all of them but the one that the sink fills.',
  );
}

/** Both steps change nothing when they are repeated, so a crash between them or a second process does no harm. */
async function createIndex(
  send: Send,
  alias: string,
  { ownership, fields, settings }: WantedIndex,
  options: ElasticsearchTableOptions,
): Promise<string> {
  const name = options.index ?? firstIndexOf(alias);
  const body = {
    settings: { index: { 'mapping.total_fields.limit': FIELDS_LIMIT, ...settings } },
    mappings: {
      dynamic: 'strict',
      _meta: { tailrace: ownership },
      // A read or write that forgets the routing would look in the wrong shard.
      ...(ownership.routing === undefined ? {} : { _routing: { required: true } }),
      properties: fields,
    },
  };
  try {
    await send({ method: 'PUT', path: `/${path(name)}`, body, quotesConfig: true });
  } catch (error) {
    if (!(error instanceof ElasticsearchRefusal)) throw error;
    if (error.type !== 'resource_already_exists_exception') throw refused(name, error);
    // An index that somebody else made must not get our alias.
    assertOwner(await readIndex(send, name), ownership.target);
  }
  await addAlias(send, name, alias);
  return name;
}

async function addAlias(send: Send, index: string, alias: string): Promise<void> {
  const add = { index, alias, filter: LIVE_ROWS };
  try {
    await send({ method: 'POST', path: '/_aliases', body: { actions: [{ add }] }, quotesConfig: true });
  } catch (error) {
    throw error instanceof ElasticsearchRefusal ? refused(alias, error) : error;
  }
}

async function change(
  send: Send,
  log: Logger,
  found: IndexState,
  wanted: WantedIndex,
  { changes, fields, settings, isNestNew }: Comparison,
): Promise<void> {
  const { ownership } = wanted;
  try {
    if (Object.keys(settings).length > 0)
      await send({
        method: 'PUT',
        path: `/${path(found.name)}/_settings`,
        body: settings,
        quotesConfig: true,
      });
    if (Object.keys(fields).length > 0 || isNestNew) {
      // A column that is gone now was placed once, and comes again in a replay.
      const nest = { ...found.ownership?.nest, ...ownership.nest };
      const meta = isNestNew ? { _meta: { ...found.meta, tailrace: { ...ownership, nest } } } : {};
      await send({
        method: 'PUT',
        path: `/${path(found.name)}/_mapping`,
        body: { ...meta, properties: fields },
        quotesConfig: true,
      });
    }
  } catch (error) {
    if (!(error instanceof ElasticsearchRefusal) || error.status !== 400) throw error;
    throw changes.length === 0
      ? refused(found.name, error)
      : differs(found.name, changes, error.reason ?? error.type);
  }
  if (changes.length === 0) return;
  const made = madeOf(changes, compareIndex(await readIndex(send, found.name), wanted).changes);
  if (made.length > 0) log.info({ index: found.name, changes: told(made) }, 'the index was changed');
}

/** Somebody may have made the alias anew, or by a restore, without its filter. */
async function hideTombstones(send: Send, log: Logger, found: IndexState, alias: string): Promise<void> {
  const filter = found.filters.get(alias);
  if (filter === undefined || JSON.stringify(filter ?? {}).includes('__deleted')) return;
  await addAlias(send, found.name, alias);
  log.warn(
    { index: found.name, alias },
    'the alias had lost the filter that hides tombstones; it has it again',
  );
}

function assertOwner({ name, ownership }: IndexState, target: string): void {
  if (ownership === undefined)
    throw new TailraceError(
      'SINK_SCHEMA_CONFLICT',
      `index ${name} exists and was not made by Tailrace`,
      'remove or rename that index, or use another cluster for this sink.',
    );
  if (ownership.target !== target)
    throw new TailraceError(
      'TABLE_NAMES_COLLIDE',
      `tables ${ownership.target} and ${target} both need the index ${name}, because names of indices are lower case and plain`,
      'leave one of the two tables out of this sink.',
    );
}

/** The way on where an index has to be made again. */
export function fillAnew(index: string): string {
  return (
    `fill the index anew: stop the sink, send DELETE /${index} to Elasticsearch, delete the sink's consumer group ` +
    '(kafka-consumer-groups.sh --delete --group <pipeline>.<sink>) and start the sink.'
  );
}

function differs(index: string, differences: readonly Difference[], why: string): TailraceError {
  return new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `index ${index} differs from what the config asks for: ${told(differences)} (${why})`,
    `set the options of the table back to what the index has; or ${fillAnew(index)}`,
  );
}

function refused(name: string, error: ElasticsearchRefusal): Error {
  if (error.status !== 400) return error;
  return new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `Elasticsearch refused the structure of ${name}: ${error.reason ?? error.type}`,
    "mend the table's options, or rename the columns or the table for this sink, or remove what stands in the way (an index of that name).",
    { cause: error },
  );
}
