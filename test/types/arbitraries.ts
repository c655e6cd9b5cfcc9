import fc from 'fast-check';

/** Random values of one type. */
export interface RandomType {
  /** The type as a column declares it. */
  readonly type: string;
  /** Texts that become values. */
  readonly inputs: fc.Arbitrary<string>;
  /** The value in SQL, of the input in the text column `v`; default: a cast. */
  readonly sql?: string;
  /** The bytes of equal values may differ, so their texts are compared. */
  readonly isTextEqual?: boolean;
}

const OFTEN = 8;
const oneCharacter = (characters: string) => fc.constantFrom(...characters.split(''));
const integers = (min: number, max: number) => fc.integer({ min, max }).map(String);
const bigints = (bits: number) =>
  fc.bigInt({ min: -(2n ** BigInt(bits)), max: 2n ** BigInt(bits) - 1n }).map(String);
/** Texts of every character that Postgres can hold. */
const texts = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replaceAll('\0', ''));
const withSpecials = (usual: fc.Arbitrary<string>, ...specials: string[]) =>
  fc.oneof({ arbitrary: usual, weight: OFTEN }, fc.constantFrom(...specials));
const floatText = (value: number) => (Object.is(value, -0) ? '-0' : String(value));
const doubles = fc.double().map(floatText);
const digits = (maxLength: number) =>
  fc.string({ unit: oneCharacter('0123456789'), minLength: 1, maxLength });
const numerics = fc
  .tuple(fc.constantFrom('', '-'), digits(120), fc.option(digits(120), { nil: '' }))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`);
const dayMicros = fc.bigInt({ min: 0n, max: 86_399_999_999n });
const clock = dayMicros.map((micros) => {
  const [hours, minutes, rest] = [
    micros / 3_600_000_000n,
    (micros / 60_000_000n) % 60n,
    micros % 60_000_000n,
  ];
  return `${two(hours)}:${two(minutes)}:${two(rest / 1_000_000n)}.${String(rest % 1_000_000n).padStart(6, '0')}`;
});
/** Days from 2000-01-01 to the ends of what Postgres' dates and timestamps hold. */
const dateDays = fc.oneof(fc.integer({ min: -60_000, max: 60_000 }), fc.integer({ min: -2_451_545, max: 2_145_031_948 })); // prettier-ignore
const momentDays = fc.oneof(fc.integer({ min: -60_000, max: 60_000 }), fc.integer({ min: -2_451_544, max: 106_751_982 })); // prettier-ignore
const moments = fc.tuple(momentDays, clock).map(([day, time]) => `${day} ${time}`);
const MOMENT = `CASE WHEN v ~ 'infinity' THEN v::timestamp
  ELSE date '2000-01-01' + split_part(v, ' ', 1)::int + split_part(v, ' ', 2)::time END`;
const jsonTexts = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', '1.10', '-0', '1e5', '9007199254740993', '12345678901234567890.12345'),
    texts.map((text) => JSON.stringify(text)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
    fc
      .array(fc.tuple(texts, tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}: ${value}`).join(',')}}`),
  ),
})).value;
const addresses = fc.oneof(
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
).map(([address, bits]) => `${address}/${bits}`); // prettier-ignore
const hex = (length: number) => fc.string({ unit: oneCharacter('0123456789abcdef'), minLength: length, maxLength: length }); // prettier-ignore
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => `\\x${Buffer.from(value).toString('hex')}`);
const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const arrays = (items: fc.Arbitrary<string>) => {
  const item = fc
    .option(items, { nil: null, freq: OFTEN })
    .map((each) => (each === null ? 'NULL' : quoted(each)));
  const flat = fc.array(item, { maxLength: 6 }).map((each) => `{${each.join(',')}}`);
  const square = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }))
    .chain(([rows, columns]) =>
      fc.array(fc.array(item, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
    )
    .map((rows) => `[-2:${rows.length - 3}][5:${(rows[0]?.length ?? 0) + 4}]={${rows.map((row) => `{${row.join(',')}}`).join(',')}}`); // prettier-ignore
  return fc.oneof(flat, square);
};
const pairs = fc.tuple(doubles, doubles).map(([x, y]) => `(${x},${y})`);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }).map(floatText);
const finitePairs = fc.tuple(finite, finite).map(([x, y]) => `(${x},${y})`);
const bounds = fc.constantFrom('[)', '[]', '(]', '()');
const ranges = (values: fc.Arbitrary<string>, less: (left: string, right: string) => boolean) =>
  fc.tuple(values, values, bounds).map(([left, right, ends]) => {
    const [low, high] = less(left, right) ? [left, right] : [right, left];
    return `${ends[0]}${low},${high}${ends[1]}`;
  });
const smaller = (left: string, right: string) => BigInt(left) < BigInt(right);

export const RANDOM_TYPES: readonly RandomType[] = [
  { type: 'boolean', inputs: fc.constantFrom('true', 'false') },
  { type: 'smallint', inputs: integers(-32_768, 32_767) },
  { type: 'integer', inputs: integers(-2_147_483_648, 2_147_483_647) },
  { type: 'bigint', inputs: bigints(63) },
  { type: 'real', inputs: fc.float().map(floatText) },
  { type: 'double precision', inputs: doubles },
  { type: 'numeric', inputs: withSpecials(numerics, 'NaN', 'Infinity', '-Infinity', '1e500', '1e-500') },
  { type: 'numeric(30,10)', inputs: fc.tuple(bigints(60), digits(12)).map((parts) => parts.join('.')) },
  { type: 'money', inputs: bigints(63).map((cents) => cents.replace(/(\d{0,2})$/, '.$1')) },
  { type: 'text', inputs: texts },
  { type: 'char(8)', inputs: texts.map((text) => Array.from(text).slice(0, 8).join('')) },
  { type: 'citext', inputs: texts },
  {
    type: '"char"',
    inputs: fc.integer({ min: 0, max: 255 }).map((byte) => `\\${byte.toString(8).padStart(3, '0')}`),
  },
  { type: 'uuid', inputs: fc.uuid() },
  { type: 'date', inputs: withSpecials(dateDays.map(String), 'infinity', '-infinity'), sql: `CASE WHEN v ~ 'infinity' THEN v::date ELSE date '2000-01-01' + v::int END` }, // prettier-ignore
  { type: 'timestamp', inputs: withSpecials(moments, 'infinity', '-infinity'), sql: MOMENT },
  // The last half of a hundredth would be rounded to a year that Postgres does not have.
  { type: 'timestamp(2)', inputs: moments, sql: `least(${MOMENT}, '294276-12-31 23:59:59.99')` },
  { type: 'timestamptz', inputs: withSpecials(moments, 'infinity', '-infinity'), sql: `(${MOMENT}) AT TIME ZONE 'UTC'` }, // prettier-ignore
  { type: 'time', inputs: withSpecials(clock, '24:00') },
  { type: 'timetz', inputs: fc.tuple(clock, fc.constantFrom('+', '-'), fc.integer({ min: 0, max: 57_599 })).map(([time, sign, offset]) => `${time}${sign}${two(Math.floor(offset / 3600))}:${two(Math.floor(offset / 60) % 60)}:${two(offset % 60)}`) }, // prettier-ignore
  { type: 'interval', inputs: withSpecials(fc.tuple(integers(-2_147_483_647, 2_147_483_646), integers(-2_147_483_647, 2_147_483_646), bigints(53)).map(([months, days, micros]) => `${months} months ${days} days ${micros} microseconds`), 'infinity', '-infinity') }, // prettier-ignore
  { type: 'bytea', inputs: bytes },
  { type: 'json', inputs: jsonTexts },
  { type: 'jsonb', inputs: jsonTexts },
  { type: 'hstore', inputs: fc.array(fc.tuple(texts, fc.option(texts))).map((pairs) => pairs.map(([key, value]) => `${quoted(key)}=>${value === null ? 'NULL' : quoted(value)}`).join()) }, // prettier-ignore
  { type: 'xml', inputs: texts, sql: `xmlelement(name a, xmlattributes(regexp_replace(v, '[^[:print:]]', '', 'g') AS b), regexp_replace(v, '[^[:print:]]', '', 'g'))` }, // prettier-ignore
  { type: 'ltree', inputs: fc.array(fc.string({ unit: oneCharacter('aZ09_-'), minLength: 1, maxLength: 9 }), { maxLength: 9 }).map((labels) => labels.join('.')) }, // prettier-ignore
  {
    type: 'tsvector',
    inputs: texts,
    sql: `array_to_tsvector(ARRAY['a' || v, v || 'b']) || to_tsvector('simple', v)`,
  },
  { type: 'tsquery', isTextEqual: true, inputs: texts, sql: `to_tsquery('simple', quote_literal('a' || v)) || phraseto_tsquery('simple', v)` }, // prettier-ignore
  { type: 'inet', inputs: addresses },
  { type: 'cidr', inputs: addresses, sql: 'network(v::inet)' },
  { type: 'macaddr', inputs: hex(12) },
  { type: 'macaddr8', inputs: hex(16) },
  { type: 'bit(9)', inputs: fc.string({ unit: fc.constantFrom('0', '1'), minLength: 9, maxLength: 9 }) },
  { type: 'varbit', inputs: fc.string({ unit: fc.constantFrom('0', '1'), maxLength: 200 }) },
  { type: 'int8range', inputs: withSpecials(ranges(bigints(62), smaller), '(,)', 'empty', '(,5]') },
  { type: 'numrange', inputs: ranges(numerics, () => true), sql: `numrange(least(lower_, upper_), greatest(lower_, upper_), ends) FROM (SELECT substr(split_part(v, ',', 1), 2)::numeric AS lower_, rtrim(split_part(v, ',', 2), '])')::numeric AS upper_, left(v, 1) || right(v, 1) AS ends) parts` }, // prettier-ignore
  { type: 'tstzrange', inputs: moments, sql: `tstzrange((${MOMENT}) AT TIME ZONE 'UTC', 'infinity', '[]')` },
  { type: 'daterange', inputs: dateDays.map(String), sql: `daterange(date '2000-01-01' + v::int, NULL)` },
  { type: 'int4multirange', inputs: fc.array(fc.integer({ min: -1_000, max: 1_000 })).map((starts) => `{${starts.map((start) => `[${start},${start + 9}]`).join()}}`) }, // prettier-ignore
  { type: 'point', inputs: pairs },
  { type: 'lseg', inputs: fc.tuple(pairs, pairs).map(([from, to]) => `[${from},${to}]`) },
  { type: 'box', inputs: fc.tuple(finitePairs, finitePairs).map(([from, to]) => `${from},${to}`) },
  { type: 'path', inputs: fc.array(finitePairs, { minLength: 1 }).map((points) => `[${points.join()}]`) },
  { type: 'polygon', inputs: fc.array(finitePairs, { minLength: 1 }).map((points) => `(${points.join()})`) },
  { type: 'circle', inputs: fc.tuple(pairs, fc.double({ min: 0, noNaN: true })).map(([center, radius]) => `<${center},${radius}>`) }, // prettier-ignore
  { type: 'cube', inputs: fc.tuple(pairs, pairs).map(([from, to]) => `${from},${to}`) },
  { type: 'oid', inputs: integers(0, 4_294_967_295) },
  { type: 'xid8', inputs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String) },
  { type: 'pg_lsn', inputs: fc.tuple(hex(8), hex(8)).map((halves) => halves.join('/')) },
  { type: 'mood', inputs: fc.constantFrom('sad', 'très bien') },
  { type: 'point3', inputs: fc.tuple(integers(-9, 9), texts, bytes).map(([x, label, raw]) => `(${x},${quoted(label)},"2024-02-29 12:00+02",${quoted(raw)})`) }, // prettier-ignore
  { type: 'integer[]', inputs: arrays(integers(-2_147_483_648, 2_147_483_647)) },
  { type: 'text[]', inputs: arrays(texts) },
  { type: 'double precision[]', inputs: arrays(doubles) },
  { type: 'numeric[]', inputs: arrays(numerics) },
  { type: 'bytea[]', inputs: arrays(bytes) },
  { type: 'jsonb[]', inputs: arrays(jsonTexts) },
  { type: 'interval[]', inputs: arrays(integers(-99_999, 99_999).map((days) => `${days} days 0.5 s`)) },
  { type: 'mood[]', inputs: arrays(fc.constantFrom('sad', 'très bien')) },
];

function two(value: number | bigint): string {
  return String(value).padStart(2, '0');
}
