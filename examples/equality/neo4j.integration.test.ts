import neo4j from 'neo4j-driver';
import { findsEveryDifference } from './found-differences.ts';
import { handType } from './hand-written.ts';
import type { HandTable, HandType, HandWriter, Texts } from './hand-written.ts';

/** How a statement makes a property of the parameter `$row.<name>`; all others stay texts. */
const VALUES: Readonly<Partial<Record<HandType, (text: string) => string>>> = {
  int8: (text) => `toInteger(${text})`,
  float4: (text) => `toFloat(${text})`,
  float8: (text) => `toFloat(${text})`,
  bool: (text) => `toBoolean(${text})`,
  date: (text) => `date(${text})`,
  timestamp: (text) => `localdatetime(${text})`,
  timestamptz: (text) => `datetime(${text})`,
  ms: (text) => `datetime(${text})`,
};

findsEveryDifference('neo4j', async (url): Promise<HandWriter> => {
  const { protocol, host, username, password } = new URL(url);
  const driver = neo4j.driver(`${protocol}//${host}`, neo4j.auth.basic(username, password));
  async function run(statement: string, row: Record<string, unknown> = {}): Promise<void> {
    await driver.executeQuery(statement, { row });
  }
  return {
    create: async (table) => {
      const key = table.key.map((name) => `n.${name}`).join(', ');
      await run(`CREATE CONSTRAINT ${table.name} FOR (n:${label(table)}) REQUIRE (${key}) IS UNIQUE`);
    },
    put: async (table, row) => {
      const properties = Object.keys(row).map((name) => `${name}: ${value(table, name)}`);
      await run(
        `MERGE (n:${label(table)} {${keyOf(table)}}) SET n = {${properties.join(', ')}, __pos: '0'}`,
        parameters(table, row),
      );
    },
    remove: (table, row) =>
      run(`MATCH (n:${label(table)} {${keyOf(table)}}) DELETE n`, parameters(table, row)),
    drop: async (table) => {
      await run(`MATCH (n:${label(table)}) DETACH DELETE n`);
      await run(`DROP CONSTRAINT ${table.name}`);
    },
    close: () => driver.close(),
  };
});

/** `eq_12ab_things` gives `Eq12abThings`. */
function label(table: HandTable): string {
  return table.name.replaceAll(/(?:^|_)(.)/g, (_match, letter: string) => letter.toUpperCase());
}

function keyOf(table: HandTable): string {
  return table.key.map((name) => `${name}: ${value(table, name)}`).join(', ');
}

function value(table: HandTable, name: string): string {
  return VALUES[handType(table, name)]?.(`$row.${name}`) ?? `$row.${name}`;
}

function parameters(table: HandTable, row: Texts): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, text]) => {
      const isBytes = text !== null && handType(table, name) === 'bytea';
      return [name, isBytes ? new Int8Array(Buffer.from(text, 'base64')) : text];
    }),
  );
}
