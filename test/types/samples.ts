import type { Column } from '../../schemas/table-schema.ts';
import type { Value, ValueKind } from '../../schemas/value.ts';

/** A Postgres type with values that a careless program would spoil. */
export interface TypeSample {
  /** The type as a column declares it. */
  readonly type: string;
  readonly kind: ValueKind;
  readonly values: readonly SampleValue[];
}

export interface SampleValue {
  /** Text that Postgres reads. */
  readonly input: string;
  /** The value in an event as both wire formats give it: decimal text for numbers, base64 for bytes. */
  readonly text: string | boolean;
}

/** Types of the samples that a database must make first. */
export const TYPES_SQL = `
  CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION citext; CREATE EXTENSION cube; CREATE EXTENSION seg;
  CREATE EXTENSION isn;
  CREATE TYPE mood AS ENUM ('sad', 'très bien');
  CREATE TYPE point3 AS (x int, label text, at timestamptz, raw bytea);
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE DOMAIN email AS citext CHECK (VALUE LIKE '%@%');
  CREATE DOMAIN cents AS bigint CHECK (VALUE > 0);
  CREATE DOMAIN many_cents AS cents CHECK (VALUE > 9);
  CREATE DOMAIN price AS numeric(12, 3);
  CREATE DOMAIN moods AS mood[];
  CREATE DOMAIN nowhere AS point3;
  CREATE TABLE targets ("Id" int PRIMARY KEY)`;

const TEXT = ['Grüße "x" \\ 😀\n\t', '', ' NULL ', '{a,b}'] as const;

/** Every built-in type, those of contrib, and one of each sort that a user defines. */
export const TYPE_SAMPLES: readonly TypeSample[] = [
  sample('boolean', 'boolean', ['true', true], ['false', false]),
  sample('smallint', 'int2', '-32768', '32767'),
  sample('integer', 'int4', '-2147483648', '2147483647'),
  sample('bigint', 'int8', '-9223372036854775808', '9223372036854775807', '9007199254740993'),
  sample('cents', 'int8', '9007199254740993'),
  sample('many_cents', 'int8', '9223372036854775807'),
  sample('real', 'float4', '0.1', '1e-45', '3.4028235e+38', 'NaN', 'Infinity', '-Infinity', '-0'),
  sample('double precision', 'float8', '0.1', '5e-324', '1.7976931348623157e+308', 'NaN', 'Infinity', '-Infinity', '-0', '1e+23'), // prettier-ignore
  sample('numeric', 'numeric', '0.10', '-0.0001', '12345678901234567890.12345678901234567890', 'NaN', 'Infinity', '-Infinity', ['1e100', `1${'0'.repeat(100)}`], ['1e-50', `0.${'0'.repeat(49)}1`]), // prettier-ignore
  sample('numeric(20,4)', 'numeric', ['12.5', '12.5000'], '-9999999999999999.9999', 'NaN'),
  sample('numeric(5,-2)', 'numeric', ['1234567', '1234600']),
  sample('numeric(3,5)', 'numeric', '0.00123'),
  sample('price', 'numeric', ['1.5', '1.500']),
  sample('money', 'other', ['-1234.5', '-$1,234.50'], ['92233720368547758.07', '$92,233,720,368,547,758.07']),
  sample('text', 'text', ...TEXT),
  sample('varchar(40)', 'text', ...TEXT),
  sample('char(4)', 'text', ['ab', 'ab  '], 'abcd'),
  sample('name', 'text', 'ünïcode'),
  sample('"char"', 'other', 'a', '\\377'),
  sample('citext', 'text', 'MiXed'),
  sample('email', 'text', 'A@b.c'),
  sample('mood', 'enum', 'sad', 'très bien'),
  sample('uuid', 'uuid', ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']),
  sample('date', 'date', '2024-02-29', '0044-03-15 BC', '4713-01-01 BC', '5874897-12-31', 'infinity', '-infinity'), // prettier-ignore
  sample('timestamp', 'timestamp', ['2024-02-29 12:00:00.123456', '2024-02-29T12:00:00.123456'], ['0044-03-15 23:59:59.999999 BC', '0044-03-15T23:59:59.999999 BC'], ['294276-12-31 23:59:59.999999', '294276-12-31T23:59:59.999999'], 'infinity', '-infinity'), // prettier-ignore
  sample('timestamp(3)', 'timestamp', ['2024-02-29 12:00:00.1236', '2024-02-29T12:00:00.124'], 'infinity'),
  sample('timestamptz', 'timestamptz', ['2024-02-29 12:00:00.000001+05:30', '2024-02-29T06:30:00.000001Z'], ['0001-01-01 00:00:00+00 BC', '0001-01-01T00:00:00Z BC'], ['1850-01-01 00:00:00+00:19:32', '1849-12-31T23:40:28Z'], 'infinity', '-infinity'), // prettier-ignore
  sample('timestamptz(0)', 'timestamptz', ['2024-02-29 12:00:00.4+00', '2024-02-29T12:00:00Z']),
  sample('time', 'time', '23:59:59.999999', '24:00:00', ['04:05', '04:05:00']),
  sample('timetz', 'timetz', '12:00:00.5+05:30', '00:00:00-15:59:59'),
  sample('interval', 'interval', ['1 year 2 mons -3 days 04:05:06.789', 'P1Y2M-3DT4H5M6.789S'], ['0', 'PT0S'], ['-0.000001 s', 'PT-0.000001S'], ['-178000000 years', 'P-178000000Y'], 'infinity'), // prettier-ignore
  sample('bytea', 'bytea', ['\\x00ff10', 'AP8Q'], ''),
  sample('json', 'json', '{"b": 1, "a": 9007199254740993, "a": 1.10}', 'null', ' [1e400 ] ', '"\\u0041"'),
  sample('jsonb', 'jsonb', ['{"b": 1, "a": 9007199254740993.10}', '{"a": 9007199254740993.10, "b": 1}'], '[]', 'null', ['1e400', `1${'0'.repeat(400)}`], '{"": {"$a.b": [null]}}'), // prettier-ignore
  sample('jsonpath', 'other', ['$.a[*] ? (@ > 1)', '$."a"[*]?(@ > 1)']),
  sample('hstore', 'other', ['b=>"x y", a=>NULL', '"a"=>NULL, "b"=>"x y"']),
  sample(
    'xml',
    'other',
    ['<?xml version="1.0" encoding="UTF-8"?><a b="c">é</a>', '<a b="c">é</a>'],
    'no root',
  ),
  sample('ltree', 'other', 'Top.Science.Astronomy', ''),
  sample('lquery', 'other', '*.Astro*{1,2}.!a|b@'),
  sample('ltxtquery', 'other', 'Europe & Russia@* & !Transportation'),
  sample('tsvector', 'other', ["b:2 'a c':1A", "'a c':1A 'b':2"], ''),
  sample('tsquery', 'other', ['a & !(b | c:*A)', "'a' & !( 'b' | 'c':*A )"]),
  sample('inet', 'other', '10.0.0.1/8', '::1', '2001:db8::/32'),
  sample('cidr', 'other', '10.0.0.0/8', ['::1', '::1/128']),
  sample('macaddr', 'other', ['08-00-2B-01-02-03', '08:00:2b:01:02:03']),
  sample('macaddr8', 'other', ['08002b0102030405', '08:00:2b:01:02:03:04:05']),
  sample('bit(3)', 'other', '101'),
  sample('varbit', 'other', '0', '0101010101010101010101010101010101010101010101010101010101010101010'),
  sample('int4range', 'other', ['[1,10]', '[1,11)'], 'empty', '(,)'),
  sample('int8range', 'other', '[9007199254740993,9223372036854775807)'),
  sample('numrange', 'other', '(1.10,NaN]'),
  sample('tsrange', 'other', ['[2024-02-29 12:00,infinity)', '["2024-02-29 12:00:00",infinity)']),
  sample('tstzrange', 'other', ['[2024-02-29 12:00:00.5+05:30,)', '["2024-02-29 06:30:00.5+00",)']),
  sample('tsmultirange', 'other', ['{[2024-02-29 12:00,)}', '{["2024-02-29 12:00:00",)}']),
  sample('int8multirange', 'other', '{(,-9007199254740993),[9007199254740993,)}'),
  sample('regoper', 'other', '||/'),
  sample('daterange', 'other', '[2024-02-29,infinity]', '[2024-02-29,)'),
  sample('span', 'other', '[0.1,Infinity)'),
  sample('int4multirange', 'other', ['{[1,2],[5,6)}', '{[1,3),[5,6)}'], '{}'),
  sample('nummultirange', 'other', '{[1.10,2.20]}'),
  sample('tstzmultirange', 'other', [
    '{[2024-02-29 12:00+02,infinity)}',
    '{["2024-02-29 10:00:00+00",infinity)}',
  ]),
  sample('datemultirange', 'other', '{(,2024-02-29)}'),
  sample('point', 'other', '(0.1,-0)', '(NaN,Infinity)'),
  sample('line', 'other', '{1,-1,0.30000000000000004}'),
  sample('lseg', 'other', '[(1,2),(3,4)]'),
  sample('box', 'other', ['((0.1,1),(2,3))', '(2,3),(0.1,1)']),
  sample('path', 'other', '((0,0),(1,1),(2,0))', '[(0,0),(1,1)]'),
  sample('polygon', 'other', '((0,0),(1,1),(2,0))'),
  sample('circle', 'other', '<(0.1,0.2),1e-10>'),
  sample('cube', 'other', '(0.1, 2),(3, 4)'),
  sample('seg', 'other', '1.50 .. 2'),
  sample('isbn', 'other', ['9780306406157', '0-306-40615-2']),
  sample('oid', 'other', '4294967295'),
  sample('xid', 'other', '4294967295'),
  sample('xid8', 'other', '18446744073709551615'),
  sample('cid', 'other', '4294967295'),
  sample('tid', 'other', '(4294967295,65535)'),
  sample('pg_lsn', 'other', 'FFFFFFFF/FFFFFFFF', ['16/b374d848', '16/B374D848']),
  sample('pg_snapshot', 'other', '10:20:10,14,15'),
  sample('regclass', 'other', 'public.targets', 'pg_class'),
  sample('regtype', 'other', 'public.mood', 'integer', ['timestamptz', 'timestamp with time zone']), // prettier-ignore
  sample('regproc', 'other', 'pg_backend_pid'),
  sample('regprocedure', 'other', ['abs(int4)', 'abs(integer)']),
  sample('regoperator', 'other', ['+(int4,int4)', '+(integer,integer)']),
  sample('regrole', 'other', 'pg_monitor'),
  sample('regnamespace', 'other', 'public'),
  sample('regcollation', 'other', '"C"'),
  sample('regconfig', 'other', 'english'),
  sample('regdictionary', 'other', 'simple'),
  sample('aclitem', 'other', '=r/pg_monitor'),
  sample('int2vector', 'other', '1 2 3'),
  sample('oidvector', 'other', '1 2 4294967295'),
  sample('refcursor', 'other', 'cursor one'),
  sample('point3', 'other', ['(1,"a ""b"", c","2024-02-29 12:00+02","\\\\x00ff")', '(1,"a ""b"", c","2024-02-29 10:00:00+00","\\\\x00ff")'], '(,,,)'), // prettier-ignore
  sample('nowhere', 'other', '(1,"",,)'),
  sample('moods', 'other', '{sad,NULL,"très bien"}', '{}'),
  sample('integer[]', 'other', '{1,NULL,-2147483648}', '{}', '{{1,2},{3,4}}', '[-1:0]={1,2}'),
  sample('text[]', 'other', '{a,"b \\"c\\"",NULL,"NULL",""}', '{{{a},{"b\\\\"}}}'), // prettier-ignore
  sample('numeric(6,2)[]', 'other', ['{1.1,NaN}', '{1.10,NaN}']),
  sample('mood[]', 'other', '{sad,"très bien"}'),
  sample('point3[]', 'other', '{"(1,a,,)"}'),
];

function sample(
  type: string,
  kind: ValueKind,
  ...values: readonly (string | readonly [string, string | boolean])[]
): TypeSample {
  return {
    type,
    kind,
    values: values.map((value) =>
      typeof value === 'string' ? { input: value, text: value } : { input: value[0], text: value[1] },
    ),
  };
}

/** The column that the catalogue makes of the type; a test compares both. */
export function sampleColumn({ type, kind }: TypeSample): Column {
  // The domain of TYPES_SQL that has a modifier of its own.
  const base = type === 'price' ? 'numeric(12,3)' : type;
  const [, precision, scale] = /\((\d+)(?:,(-?\d+))?\)/.exec(base) ?? [];
  const column: Column = { name: 'value', type, kind, nullable: true };
  if (kind === 'numeric') {
    if (precision === undefined) return column;
    return { ...column, precision: Number(precision), scale: Number(scale ?? 0) };
  }
  const hasPrecision = ['timestamp', 'timestamptz', 'time', 'timetz'].includes(kind);
  return hasPrecision ? { ...column, precision: Number(precision ?? 6) } : column;
}

/** The sample as an event holds it. */
export function sampleValue({ kind }: TypeSample, { text }: SampleValue): NonNullable<Value> {
  if (typeof text === 'boolean') return text;
  if (kind === 'int8') return BigInt(text);
  if (kind === 'bytea') return Buffer.from(text, 'base64');
  return ['int2', 'int4', 'float4', 'float8'].includes(kind) ? Number(text) : text;
}
