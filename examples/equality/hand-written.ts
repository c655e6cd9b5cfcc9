/** Rows that tests write into each store by hand, with the plain drivers, never with a sink. */

/** A row by column name, each value as the layouts write it in a text. */
export type Texts = Readonly<Record<string, string | null>>;

/** The types of the columns, `ms` standing for `timestamptz(3)`. */
export type HandType =
  | 'int8'
  | 'text'
  | 'money'
  | 'numeric'
  | 'float4'
  | 'float8'
  | 'bool'
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'ms'
  | 'bytea'
  | 'uuid'
  | 'jsonb'
  | 'json';

export interface HandTable {
  /** The name in the store. */
  readonly name: string;
  readonly columns: Readonly<Record<string, HandType>>;
  readonly key: readonly string[];
}

/** Writes whole rows into a store, in the layout of contract.md. */
export interface HandWriter {
  create(table: HandTable): Promise<void>;
  put(table: HandTable, row: Texts): Promise<void>;
  remove(table: HandTable, row: Texts): Promise<void>;
  drop(table: HandTable): Promise<void>;
  close(): Promise<void>;
}

export const SQL_TYPES: Readonly<Record<HandType, string>> = {
  int8: 'int8',
  text: 'text',
  money: 'numeric(10,2)',
  numeric: 'numeric',
  float4: 'float4',
  float8: 'float8',
  bool: 'boolean',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  ms: 'timestamptz(3)',
  bytea: 'bytea',
  uuid: 'uuid',
  jsonb: 'jsonb',
  json: 'json',
};

export const THING_COLUMNS = {
  id: 'int8',
  name: 'text',
  amount: 'money',
  big: 'numeric',
  score: 'int8',
  ratio: 'float4',
  weight: 'float8',
  is_open: 'bool',
  day: 'date',
  made_at: 'timestamp',
  seen_at: 'timestamptz',
  read_at: 'ms',
  data: 'bytea',
  doc: 'jsonb',
  raw: 'json',
} as const satisfies Record<string, HandType>;

export const FULL: Texts = {
  id: '9007199254740993',
  name: 'Ünï "q"\n\\ it\'s: {$x} `y`',
  amount: '12.50',
  big: '12345678901234567890.0123456789',
  score: '9223372036854775807',
  ratio: '0.1',
  weight: '1e+300',
  is_open: 'true',
  day: '2024-02-29',
  made_at: '1999-12-31T23:59:59.999999',
  seen_at: '2024-02-29T12:00:00.123456Z',
  read_at: '2024-02-29T12:00:00.12Z',
  data: '/wAB',
  doc: '{"a": [1, 2.50, 9007199254740993, "x", null], "b": {}}',
  raw: '{"b": 1, "a": 2}',
};

const NULLS = Object.fromEntries(Object.keys(THING_COLUMNS).map((name) => [name, null]));
export const NULL_ROW: Texts = { ...NULLS, id: '2' };
export const EMPTY: Texts = {
  ...NULLS,
  id: '-3',
  name: '',
  amount: '0.00',
  big: '-0.5',
  weight: '-0.1',
  is_open: 'false',
  data: '',
  doc: '[]',
  raw: '"x"',
};

export const PAIR_COLUMNS = { a: 'text', b: 'int8', note: 'text' } as const satisfies Record<
  string,
  HandType
>;

export const PAIR: Texts = { a: 'x:y\\z', b: '1', note: 'one' };
export const OTHER_PAIR: Texts = { a: 'x', b: '1', note: 'two' };

/** A key of every type that makes a sensible one. */
export const KEY_COLUMNS = {
  is_open: 'bool',
  day: 'date',
  made_at: 'timestamp',
  seen_at: 'timestamptz',
  read_at: 'ms',
  amount: 'money',
  data: 'bytea',
  code: 'uuid',
  score: 'int8',
  note: 'text',
} as const satisfies Record<string, HandType>;

export const KEYED: Texts = {
  is_open: 'true',
  day: '2024-02-29',
  made_at: '2024-02-29T12:00:00.123456',
  seen_at: '2024-02-29T12:00:00.12345Z',
  read_at: '2024-02-29T12:00:00.12Z',
  amount: '12.50',
  data: '/wAB',
  code: '0190163d-8694-739b-aea5-966c26f8ad91',
  score: '9007199254740993',
  note: 'one',
};

/** The text by which document stores address a row. */
export function keyText(table: HandTable, row: Texts): string {
  const texts = table.key.map((name) => String(row[name]));
  if (texts.length === 1) return texts.join('');
  return texts.map((text) => text.replaceAll('\\', '\\\\').replaceAll(':', '\\:')).join(':');
}

/** The type of a column, for a writer's table of rules. Throws when the table has no such column. */
export function handType(table: HandTable, name: string): HandType {
  const type = table.columns[name];
  if (type === undefined) throw new Error(`${table.name} has no column ${name}`);
  return type;
}

/** The address of a server that a test needs. Throws when the environment does not give it. */
export function serverUrl(variable: string): string {
  const url = process.env[variable];
  if (url === undefined || url === '') throw new Error(`${variable} is not set: this test needs that server`);
  return url;
}
