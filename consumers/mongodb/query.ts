import { MongoServerError, type Db, type Document } from 'mongodb';
import type { Cell } from '../../core/cell.ts';
import { queryFailed, tableOf, type Answer, type Question } from '../../core/query.ts';
import { cellOf, fieldsOf } from './cell.ts';
import { openClient } from './client.ts';
import { assertReading, commandOf } from './command.ts';
import { databaseOf, type MongodbOptions } from './config.ts';
import { classify } from './errors.ts';

/** Commands whose answer is a cursor. */
const WITH_CURSOR = ['find', 'aggregate', 'listCollections', 'listIndexes'];
/** What the server adds to every answer. */
const ENVELOPE = ['ok', 'operationTime', '$clusterTime'];
const BATCH_ROWS = 1000;

/** Runs one command (command.ts) in the sink's database; without `write` only those that are known to read. */
export async function query(options: MongodbOptions, question: Question): Promise<Answer> {
  const command = commandOf(question.text);
  if (!question.write) assertReading(command);
  const client = openClient(options, { promoteValues: false, bsonRegExp: true });
  const abort = () => void client.close();
  question.signal.addEventListener('abort', abort, { once: true });
  try {
    question.signal.throwIfAborted();
    return await ask(client.db(databaseOf(options)), command, question);
  } catch (error) {
    throw told(error);
  } finally {
    question.signal.removeEventListener('abort', abort);
    await client.close();
  }
}

async function ask(db: Db, given: Document, { maxRows, timeoutMs }: Question): Promise<Answer> {
  const [name = ''] = Object.keys(given);
  const limited = { ...given, maxTimeMS: given['maxTimeMS'] ?? timeoutMs };
  const hasCursor = WITH_CURSOR.includes(name) && given['explain'] === undefined;
  if (!hasCursor) return answerOf(await db.command(limited), maxRows);
  const command =
    name === 'aggregate' && given['cursor'] === undefined ? { ...limited, cursor: {} } : limited;
  const rows: Map<string, Cell>[] = [];
  const cursor = db.runCursorCommand(command).setBatchSize(Math.min(maxRows + 1, BATCH_ROWS));
  // Leaving the loop closes the cursor, on the server too.
  for await (const document of cursor) if (rows.push(fieldsOf(document)) > maxRows) break;
  return tableOf(rows, maxRows);
}

function answerOf(document: Document, maxRows: number): Answer {
  const [failed] = (document['writeErrors'] ?? []) as Document[];
  if (failed !== undefined) throw queryFailed('MongoDB', new Error(String(failed['errmsg'])));
  const values: unknown = document['values'];
  // The answer of a distinct.
  if (Array.isArray(values))
    return tableOf(
      values.map((value) => new Map([['value', cellOf(value)]])),
      maxRows,
    );
  const fields = fieldsOf(document);
  for (const name of ENVELOPE) fields.delete(name);
  return tableOf([fields], maxRows);
}

/** Errors of connection and login stay as they are. */
function told(error: unknown): unknown {
  if (!(error instanceof MongoServerError)) return error;
  const { code } = classify(error);
  return code === 'SINK_AUTH_FAILED' ? error : queryFailed('MongoDB', error);
}
