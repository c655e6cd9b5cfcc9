import pg from 'pg';
import { TailraceError } from '../core/errors.ts';

/** SQLSTATE "duplicate table": the script wants to make a table that is there already. */
const DUPLICATE_TABLE = '42P07';

/** Connects, loads an example, and disconnects. Fails with one clear error when the example's tables exist already. */
export async function loadInto<T>(
  url: string,
  exampleName: string,
  load: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await load(client);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || error.code !== DUPLICATE_TABLE) throw error;
    throw new TailraceError(
      'USAGE',
      `The database already holds tables of the example ${exampleName}.`,
      'An example is loaded into an empty database: make a new one and name it in the URL, or drop those tables.',
      { cause: error },
    );
  } finally {
    await client.end();
  }
}
