import { expect, test } from 'vitest';
import { splitStatements } from './sql-statements.ts';

const texts = (sql: string): string[] => splitStatements(sql).map(({ text }) => text);

test.each([
  ['SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
  ['SELECT 1', ['SELECT 1']],
  [';;\n ;', []],
  ['-- only; a comment\n/* and; /* nested; */ one; */', []],
  ["SELECT ';', 'it''s;', E'\\';', \";\"; SELECT 2", ["SELECT ';', 'it''s;', E'\\';', \";\"", 'SELECT 2']],
  ['SELECT $$a;b$$, $t$;$$;$t$; SELECT 2', ['SELECT $$a;b$$, $t$;$$;$t$', 'SELECT 2']],
  ['SELECT a$1 FROM t; SELECT 2', ['SELECT a$1 FROM t', 'SELECT 2']],
  [
    'CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3',
    ['CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)', 'SELECT 3'],
  ],
  [
    'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; SELECT 3',
    [
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END',
      'SELECT 3',
    ],
  ],
  ['BEGIN; SELECT 1; END; SELECT 2', ['BEGIN', 'SELECT 1', 'END', 'SELECT 2']],
  ["SELECT 'never ends; SELECT 2", ["SELECT 'never ends; SELECT 2"]],
])('%j', (sql, expected) => {
  expect(texts(sql)).toEqual(expected);
});

test('a statement knows its place behind the comments before it', () => {
  const sql = 'SELECT 1;\n-- why\n  /* how */ ALTER TABLE a;';
  expect(splitStatements(sql).map(({ offset }) => sql.slice(offset, offset + 5))).toEqual(['SELEC', 'ALTER']);
});

test('words are the bare ones outside of parentheses', () => {
  const [statement] = splitStatements(
    'CREATE UNIQUE INDEX /* now */ CONCURRENTLY "Odd name" ON t (lower(a)) WHERE b',
  );
  expect(statement?.words).toBe('create unique index concurrently on t where b');
});
