import { canonicalNumber } from './exact-number.ts';

/** A number that a JavaScript number might not hold exactly, kept as it was written. `JSON.stringify` prints it so again. */
export interface RawNumber {
  readonly rawJSON: string;
}
export type Json =
  null | boolean | number | string | RawNumber | readonly Json[] | { readonly [key: string]: Json };

/** The parts of JSON that Node has and the compiler's library does not yet describe. */
interface ExactJson {
  parse(text: string, reviver: (key: string, value: Json, context: { source?: string }) => Json): Json;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
const exactJson = JSON as unknown as ExactJson;

/** Parses JSON and keeps every number exact. Throws SyntaxError on text that is no JSON. */
export function parseJson(text: string): Json {
  return exactJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined
      ? exactJson.rawJSON(source)
      : value,
  );
}

export function isRawNumber(value: unknown): value is RawNumber {
  return exactJson.isRawJSON(value);
}

/**
 * One text per JSON structure: keys sorted, no white space, numbers by value. Where a key stands twice the last one counts,
 * as in jsonb. Throws SyntaxError on text that is no JSON.
 */
export function canonicalJson(text: string): string {
  return canonicalTree(parseJson(text));
}

function canonicalTree(value: Json): string {
  if (typeof value === 'number') return String(canonicalNumber(String(value)));
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isRawNumber(value)) return String(canonicalNumber(value.rawJSON));
  if (isArray(value)) return `[${value.map(canonicalTree).join(',')}]`;
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalTree(member)}`).join(',')}}`;
}

/** Array.isArray does not narrow readonly arrays. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
