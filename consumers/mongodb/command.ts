import { BSON, type Document } from 'mongodb';
import { toError } from '../../core/errors.ts';
import { queryFailed, queryRefused } from '../../core/query.ts';

/** A collection's name and, behind it, a filter or a pipeline. */
const SHORTHAND = /^([^\s{[]+)\s*([{[].*)?$/s;

/** Commands that change nothing, whatever their fields are (an aggregate's stages and an explain's command are looked at). */
const READING = new Set(
  (
    'find aggregate count distinct explain listCollections listIndexes collStats dbStats dataSize ping hello buildInfo ' +
    'serverStatus connectionStatus'
  ).split(' '),
);
const WRITING_STAGES = ['$out', '$merge'];

/**
 * The command that a text means: a command as a document of Extended JSON (`{"find": "contacts", "filter": {}}`), or in short
 * `contacts`, `contacts {filter}`, `contacts [pipeline]`. Throws QUERY_FAILED where it is neither.
 */
export function commandOf(text: string): Document {
  if (text.startsWith('{')) return parse(text) as Document;
  const [, collection, rest] = SHORTHAND.exec(text) ?? [];
  if (collection === undefined)
    throw queryFailed('MongoDB', new Error('expected a command as a document, or COLLECTION {filter}'));
  const parsed = rest === undefined ? {} : parse(rest);
  return Array.isArray(parsed)
    ? { aggregate: collection, pipeline: parsed, cursor: {} }
    : { find: collection, filter: parsed };
}

/** Throws QUERY_REFUSED for a command that may change something. */
export function assertReading(command: Document): void {
  const [name = ''] = Object.keys(command);
  if (!READING.has(name)) throw queryRefused(`the command ${name} of MongoDB may change something`);
  if (name === 'explain' && isObject(command['explain'])) assertReading(command['explain']);
  const stages: unknown = command['pipeline'];
  const written = (Array.isArray(stages) ? stages : []).flatMap((stage: unknown) =>
    isObject(stage) ? WRITING_STAGES.filter((one) => one in stage) : [],
  );
  if (written[0] !== undefined) throw queryRefused(`the stage ${written[0]} of MongoDB writes a collection`);
}

/** Extended JSON; a plain number without a point becomes the integer that it is, of 64 bits where it needs them. */
function parse(text: string): unknown {
  const typed = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? numberType(context?.source ?? String(value)) : value;
  try {
    return BSON.EJSON.deserialize(JSON.parse(text, typed) as Document, { relaxed: false });
  } catch (error) {
    throw queryFailed('MongoDB', new Error(`the question is no Extended JSON: ${toError(error).message}`));
  }
}

function numberType(digits: string): Document {
  if (!/^-?\d+$/.test(digits)) return { $numberDouble: digits };
  const integer = BigInt(digits);
  if (BigInt.asIntN(32, integer) === integer) return { $numberInt: digits };
  return BigInt.asIntN(64, integer) === integer ? { $numberLong: digits } : { $numberDouble: digits };
}

function isObject(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
