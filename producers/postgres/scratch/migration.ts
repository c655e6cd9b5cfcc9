import pg from 'pg';
import { TailraceError } from '../../../core/errors.ts';
import { splitStatements, type SqlStatement } from './sql-statements.ts';

const STATEMENT_TIMEOUT = '60s';

/** A file of SQL that is to be run on the source. */
export interface Migration {
  /** As messages name it. */
  readonly file: string;
  readonly sql: string;
}

/** What a statement of these first words is to the plan; the first line that fits counts. */
const RULES: readonly (readonly [words: RegExp, rule: 'skip' | 'leaveOut' | 'refuse' | 'commit'])[] = [
  // The whole file runs in one transaction of ours.
  [/^(begin|start transaction|commit|end)\b(?! prepared)/, 'skip'],
  [/^(rollback|abort)(?! to\b| transaction to\b| work to\b| prepared\b)/, 'refuse'],
  [/^copy .*\bstdin\b/, 'refuse'],
  // A new label can be used only in the next transaction.
  [/^alter type .*\badd value\b/, 'commit'],
  // Rights and comments change no row.
  [/^(grant|revoke|comment|security label|alter default privileges|reassign|drop owned)\b/, 'leaveOut'],
  // These reach beyond the database, or are not copied.
  [
    /^(create|alter|drop) (role|user|group|database|tablespace|subscription|publication|event trigger)\b/,
    'leaveOut',
  ],
  [
    /^(alter system|vacuum|checkpoint|load|copy|discard|prepare transaction|(commit|rollback) prepared)\b/,
    'leaveOut',
  ],
];

/**
 * Runs a migration statement by statement on a copy of the schema, in a transaction that stays open, so that the catalogue
 * can be read as it would be. Returns the statements that were left out. Throws MIGRATION_FAILED.
 */
export async function runMigration(
  client: pg.Client,
  { file, sql }: Migration,
  searchPath: string,
): Promise<string[]> {
  const leftOut: string[] = [];
  await client.query(`SET statement_timeout = '${STATEMENT_TIMEOUT}'`);
  await client.query("SELECT set_config('search_path', $1, false)", [searchPath]);
  await client.query('BEGIN');
  for (const statement of splitStatements(sql)) {
    const rule = RULES.find(([words]) => words.test(statement.words))?.[1] ?? 'run';
    if (rule === 'skip') continue;
    if (rule === 'leaveOut')
      leftOut.push(`line ${placeIn(sql, statement.offset).line}: ${firstLine(statement)}`);
    else if (rule === 'refuse' || statement.text.startsWith('\\')) throw refused(file, sql, statement);
    else {
      await run(client, { file, sql }, statement);
      if (rule === 'commit') await client.query('COMMIT; BEGIN');
    }
  }
  // What is read next must not depend on what the migration has set.
  await client.query('RESET ROLE');
  await client.query("SET search_path = ''");
  return leftOut;
}

async function run(client: pg.Client, { file, sql }: Migration, statement: SqlStatement): Promise<void> {
  try {
    await client.query(inTransaction(statement));
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    throw failed(file, sql, statement, error);
  }
}

/** Without CONCURRENTLY, which no transaction allows and empty tables do not need; as many blanks keep every position. */
function inTransaction({ text, words }: SqlStatement): string {
  const isConcurrent =
    /^(create (unique )?index|drop index|reindex|refresh materialized view|alter table)\b.*\bconcurrently\b/.test(
      words,
    );
  return isConcurrent ? text.replace(/\bconcurrently\b/i, (word) => ' '.repeat(word.length)) : text;
}

function failed(file: string, sql: string, statement: SqlStatement, error: pg.DatabaseError): TailraceError {
  // Postgres counts characters from 1, and a text of JavaScript UTF-16 units from 0.
  const characters = error.position === undefined ? 0 : Number(error.position) - 1;
  const units = Array.from(statement.text).slice(0, characters).join('').length;
  const { line, column, text } = placeIn(sql, statement.offset + units);
  const detail = error.hint === undefined ? '' : ` Hint: ${error.hint}`;
  return new TailraceError(
    'MIGRATION_FAILED',
    `${file}, line ${line}, column ${column}: ${error.message} (SQLSTATE ${error.code})${detail}\n  ${text}\n  ${' '.repeat(column - 1)}^`,
    'mend the statement; it ran on an empty copy of the schema that the database has now, so nothing has changed',
    { cause: error },
  );
}

function refused(file: string, sql: string, statement: SqlStatement): TailraceError {
  const { line } = placeIn(sql, statement.offset);
  return new TailraceError(
    'MIGRATION_FAILED',
    `${file}, line ${line}: "${firstLine(statement)}" cannot be planned`,
    "give the plan the statements that change the schema alone: without ROLLBACK, COPY FROM STDIN and psql's own commands",
  );
}

function firstLine({ text }: SqlStatement): string {
  const [line = ''] = text.split('\n');
  return line.length <= 80 ? line : `${line.slice(0, 77)}...`;
}

/** Line and column from 1, and the text of the line, with tabs as blanks so that a mark can stand below. */
function placeIn(sql: string, offset: number): { line: number; column: number; text: string } {
  const before = sql.slice(0, offset).split('\n');
  const column = (before.at(-1)?.length ?? 0) + 1;
  const text = sql.split('\n')[before.length - 1] ?? '';
  return { line: before.length, column, text: text.replaceAll('\t', ' ') };
}
