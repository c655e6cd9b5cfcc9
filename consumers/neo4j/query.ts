import { Neo4jError, session as sessions } from 'neo4j-driver';
import type { Cell } from '../../core/cell.ts';
import { queryFailed, queryRefused, type Answer, type Question } from '../../core/query.ts';
import { cellOf } from './cell.ts';
import { openDriver } from './client.ts';
import type { Neo4jOptions } from './config.ts';
import { classify } from './errors.ts';

/** Runs one statement of Cypher; without `write` the server holds it to reading (access mode READ). */
export async function query(options: Neo4jOptions, question: Question): Promise<Answer> {
  const driver = openDriver(options);
  // Closing the driver drops the connection, and with it the server ends the transaction.
  const abort = () => void driver.close();
  question.signal.addEventListener('abort', abort, { once: true });
  try {
    question.signal.throwIfAborted();
    const session = driver.session({
      database: options.database,
      defaultAccessMode: question.write ? sessions.WRITE : sessions.READ,
      fetchSize: Math.min(question.maxRows + 1, 1000),
    });
    const result = session.run(question.text, {}, { timeout: question.timeoutMs });
    const columns = await result.keys();
    const rows: Cell[][] = [];
    for await (const record of result) {
      // What is left is thrown away by the server, but a write takes place whole.
      if (rows.length === question.maxRows && !question.write) return { columns, rows, truncated: true };
      rows.push(columns.map((column) => cellOf(record.get(column))));
    }
    return { columns, rows: rows.slice(0, question.maxRows), truncated: rows.length > question.maxRows };
  } catch (error) {
    throw told(error);
  } finally {
    question.signal.removeEventListener('abort', abort);
    await driver.close();
  }
}

const READ_ONLY = 'Neo.ClientError.Statement.AccessMode';
/** What the statement itself brought about; other codes are of connection, login and load. */
const OF_STATEMENT =
  /^Neo\.(ClientError\.(Statement|Schema|Procedure|Transaction)|DatabaseError\.Statement)\./;

function told(error: unknown): unknown {
  if (!(error instanceof Neo4jError)) return error;
  if (error.code === READ_ONLY) return queryRefused(`Neo4j: ${error.message}`);
  return OF_STATEMENT.test(error.code) || classify(error).code === 'SINK_FAILED'
    ? queryFailed('Neo4j', error)
    : error;
}
