/**
 * The values of a row, as they pass from the decoder through transforms to a sink. One Postgres type always has one
 * form, and every form is exact:
 *
 * | kind                   | value                                                                              |
 * |------------------------|------------------------------------------------------------------------------------|
 * | boolean                | boolean                                                                            |
 * | int2, int4             | number                                                                             |
 * | int8                   | bigint                                                                             |
 * | float4, float8         | number, NaN and infinities included                                                |
 * | numeric                | string, Postgres' digits: `12.50`, `NaN`, `Infinity`                               |
 * | date                   | string `2024-02-29`; `infinity`, `-infinity`; `0044-03-15 BC`                      |
 * | timestamp              | string `2024-02-29T12:00:00.123456` (fraction as Postgres prints it); same specials |
 * | timestamptz            | the same in UTC with a final `Z` (before ` BC`)                                    |
 * | time, timetz, interval | string, Postgres' text                                                             |
 * | bytea                  | Uint8Array                                                                         |
 * | text, uuid, enum       | string                                                                             |
 * | json, jsonb            | string, the JSON text                                                              |
 * | other                  | string, Postgres' text: arrays, ranges, inet, bit, geometry ...                    |
 */
export type Value = null | boolean | number | bigint | string | Uint8Array;

/** Column name to value. A column that is absent is not known (for example in the old row of a delete), never null. */
export type Row = Readonly<Record<string, Value>>;

/** Objects that inherit no names. A literal with `__proto__: null` would be one too, but a slow one. */
const Bare = function () {} as unknown as new () => Record<string, Value>;
Bare.prototype = Object.create(null);

/** A row to be filled. Columns may be named `constructor` or `__proto__`, which an object literal has already. */
export function emptyRow(): Record<string, Value> {
  return new Bare();
}

/** The families of Postgres types that are told apart; a domain has the kind of its base type. */
export const VALUE_KINDS = [
  'boolean',
  'int2',
  'int4',
  'int8',
  'float4',
  'float8',
  'numeric',
  'text',
  'uuid',
  'enum',
  'date',
  'timestamp',
  'timestamptz',
  'time',
  'timetz',
  'interval',
  'bytea',
  'json',
  'jsonb',
  'other',
] as const;

export type ValueKind = (typeof VALUE_KINDS)[number];
