import { qualifiedName, type Column, type TableSchema } from './table-schema.ts';
import type { ValueKind } from './value.ts';

/** The labels of each enum type, in its order, by the spelling of `Column.type`; a domain over an enum has them too. */
export type EnumLabels = ReadonlyMap<string, readonly string[]>;

/** A column with its type in TypeScript. */
export interface TypedColumn {
  readonly name: string;
  /** Postgres' own spelling. */
  readonly type: string;
  readonly kind: ValueKind;
  readonly nullable: boolean;
  /** As the generated file spells it, `| null` included. */
  readonly typescript: string;
}

/** Texts of one form get a type of their own, so that a date is not taken for a time, nor any text for one of them. */
const BRANDS = {
  date: ['PgDate', '`2024-02-29`, `0044-03-15 BC`, `infinity`, `-infinity`.'],
  timestamp: [
    'Timestamp',
    '`2024-02-29T12:00:00.123456`, in no time zone; also ` BC`, `infinity`, `-infinity`.',
  ],
  timestamptz: [
    'Timestamptz',
    '`2024-02-29T12:00:00.123456Z`, always in UTC; also ` BC`, `infinity`, `-infinity`.',
  ],
  time: ['Time', '`23:59:59.999999`, `24:00:00`.'],
  timetz: ['Timetz', '`12:00:00+05:30`.'],
  interval: ['Interval', 'ISO 8601, `P1Y2M-3DT4H5M6.789S`; `infinity`.'],
} as const satisfies Partial<Record<ValueKind, readonly [name: string, form: string]>>;

/** The table of value forms in `value.ts`, as types. */
const TYPES: Readonly<Record<ValueKind, string>> = {
  boolean: 'boolean',
  int2: 'number',
  int4: 'number',
  int8: 'bigint',
  float4: 'number',
  float8: 'number',
  numeric: 'string',
  text: 'string',
  uuid: 'string',
  enum: 'string',
  date: BRANDS.date[0],
  timestamp: BRANDS.timestamp[0],
  timestamptz: BRANDS.timestamptz[0],
  time: BRANDS.time[0],
  timetz: BRANDS.timetz[0],
  interval: BRANDS.interval[0],
  bytea: 'Uint8Array',
  json: 'string',
  jsonb: 'string',
  other: 'string',
};

/** What a column's values are in a transform. An enum whose labels are not known is any text. */
export function typedColumn(column: Column, labels: EnumLabels): TypedColumn {
  const { name, type, kind, nullable } = column;
  const known = kind === 'enum' ? labels.get(type) : undefined;
  const base = known === undefined || known.length === 0 ? TYPES[kind] : known.map(literal).join(' | ');
  return { name, type, kind, nullable, typescript: nullable ? `${base} | null` : base };
}

/**
 * A TypeScript file with the type `Tables`: for each table its name, its key and its rows, as a sink's transforms see them
 * (`defineTransform<Tables['public.orders']>`). The same tables make the same text, whatever order they come in.
 */
export function typescriptOf(pipeline: string, tables: readonly TableSchema[], labels: EnumLabels): string {
  const sorted = tables.toSorted((left, right) => (qualifiedName(left) < qualifiedName(right) ? -1 : 1));
  return [
    `// Made by \`tailrace types\` for the pipeline ${pipeline}. Do not edit: make it anew after a migration.`,
    '',
    ...brandLines(sorted),
    'export type Tables = {',
    ...sorted.flatMap((table) => tableLines(table, labels)),
    '};',
    '',
  ].join('\n');
}

function brandLines(tables: readonly TableSchema[]): string[] {
  const kinds = new Set<string>(tables.flatMap((table) => table.columns.map(({ kind }) => kind)));
  return Object.entries(BRANDS).flatMap(([kind, [name, form]]) =>
    kinds.has(kind)
      ? [`/** ${form} */`, `export type ${name} = string & { readonly __brand: '${kind}' };`, '']
      : [],
  );
}

function tableLines(table: TableSchema, labels: EnumLabels): string[] {
  const columns = table.columns.map((column) => typedColumn(column, labels));
  const key = table.key.flatMap((name) => columns.filter((column) => column.name === name));
  const name = literal(qualifiedName(table));
  return [
    `  readonly ${name}: {`,
    `    readonly name: ${name};`,
    '    readonly key: {',
    ...key.map((column) => `      ${property(column)}`),
    '    };',
    '    readonly row: {',
    ...columns.flatMap((column) => [`      /** ${comment(column.type)} */`, `      ${property(column)}`]),
    '    };',
    '  };',
  ];
}

function property({ name, typescript }: TypedColumn): string {
  return `readonly ${/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)}: ${typescript};`;
}

/** Any text as a literal in single quotes. */
function literal(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}

/** A type's name may hold what would end the comment. */
function comment(text: string): string {
  return text.replaceAll('*/', '* /').replace(/[\r\n]+/g, ' ');
}
