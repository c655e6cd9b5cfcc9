import neo4j from 'neo4j-driver';
import type { Driver, RecordShape } from 'neo4j-driver';
import { canonicalText, misfit } from './canonical.ts';
import type { Plain } from './canonical.ts';
import { linksOf } from './neo4j-layout.ts';
import { allRows, rowCount, rowsOfKeys } from './neo4j-statements.ts';
import type { Reader } from './reader.ts';
import { emptyRow, makeRow, valueOf } from './row.ts';
import type { Row, RowKey } from './row.ts';
import type { Column, Table } from './table.ts';

const PAGE_ROWS = 1_000;

export async function open(url: string): Promise<Reader> {
  const driver = connect(url);
  try {
    await driver.verifyConnectivity();
  } catch (error) {
    await driver.close();
    throw error;
  }
  return {
    rows: (table) => rows(driver, table, allRows(table), {}),
    pick: (table, keys) => pick(driver, table, keys),
    count: (table) => count(driver, table),
    close: () => driver.close(),
    // A row that stands twice, as two nodes or relationships of one key, is a difference here.
    mayRepeat: false,
  };
}

/** The driver takes no credentials inside the address. */
function connect(url: string): Driver {
  const { protocol, host, username, password } = new URL(url);
  const hasUser = username !== '';
  const auth = hasUser
    ? neo4j.auth.basic(decodeURIComponent(username), decodeURIComponent(password))
    : undefined;
  return neo4j.driver(`${protocol}//${host}`, auth, {
    useBigInt: true,
    connectionTimeout: 5_000,
    connectionAcquisitionTimeout: 10_000,
    fetchSize: PAGE_ROWS,
  });
}

interface Found extends RecordShape {
  /** Names and values: in an object of the driver's a property `__proto__` would be lost. */
  row: readonly (readonly [string, unknown])[];
  links: unknown[][];
  isPlaceholder: boolean;
}

async function* rows(
  driver: Driver,
  table: Table,
  statement: string,
  parameters: RecordShape,
): AsyncGenerator<readonly Row[]> {
  const session = driver.session({ defaultAccessMode: neo4j.session.READ });
  try {
    let page: Row[] = [];
    for await (const record of session.run<Found>(statement, parameters)) {
      page.push(toRow(table, record.toObject()));
      if (page.length < PAGE_ROWS) continue;
      yield page;
      page = [];
    }
    yield page;
  } finally {
    await session.close();
  }
}

async function pick(driver: Driver, table: Table, keys: readonly RowKey[]): Promise<readonly Row[]> {
  const values = keys.map((key) => table.key.map((column, at) => keyParameter(column, key.texts[at] ?? '')));
  const found: Row[] = [];
  for await (const page of rows(driver, table, rowsOfKeys(table), { keys: values })) found.push(...page);
  return found;
}

async function count(driver: Driver, table: Table): Promise<number> {
  const session = driver.session({ defaultAccessMode: neo4j.session.READ });
  try {
    const { records } = await session.run<{ count: bigint }>(rowCount(table));
    return Number(records[0]?.get('count'));
  } finally {
    await session.close();
  }
}

function toRow(table: Table, found: Found): Row {
  const values = emptyRow();
  for (const [name, value] of found.row) values[name] = plain(value);
  const faults = linksOf(table).flatMap(({ name, foreignKey }, at) => {
    const column = table.columns.find((candidate) => candidate.name === foreignKey.column);
    const expected = valueOf(values, foreignKey.column);
    return leadsTo(column, expected, found.links[at] ?? []) ? [] : [`relationship ${name} is wrong`];
  });
  return makeRow(table, values, undefined, found.isPlaceholder ? [...faults, 'still a placeholder'] : faults);
}

/** True when the relationship leads to exactly the one row that the column names, or to none where it is null. */
function leadsTo(column: Column | undefined, expected: Plain, found: readonly unknown[]): boolean {
  if (column === undefined) return false;
  if (expected === null) return found.length === 0;
  const [reached, ...more] = found.map((value) => canonicalText(column.family, plain(value)));
  return more.length === 0 && reached === canonicalText(column.family, expected);
}

function plain(value: unknown): Plain {
  if (value === null || value === undefined) return null;
  if (typeof value === 'object') return plainObject(value);
  return typeof value === 'function' || typeof value === 'symbol' ? misfit(typeof value) : (value as Plain);
}

function plainObject(value: object): Plain {
  if (value instanceof Int8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const isMoment = neo4j.isDate(value) || neo4j.isLocalDateTime(value) || neo4j.isDateTime(value);
  return isMoment ? String(value) : misfit('another object in a property');
}

/** Bytes have no text in Cypher; every other value is converted by the statement. */
function keyParameter(column: Column, text: string): unknown {
  return column.family === 'bytea' ? new Int8Array(Buffer.from(text, 'base64')) : text;
}
