import pg from 'pg';
import type { StructureStatement } from './structure.ts';

/** One transaction: fewer round trips and commits, and few enough of the server's locks. */
const STATEMENTS_AT_ONCE = 50;

/**
 * Makes these things in an empty database and returns what could not be made. Things need each other in an order that no
 * list of kinds has (a default calls a function, which reads a table), so what fails is tried again as long as others succeed.
 */
export async function copyStructure(
  client: pg.Client,
  statements: readonly StructureStatement[],
): Promise<string[]> {
  // Nothing here has to survive a crash, and functions may name what is not there yet.
  await client.query('SET synchronous_commit = off');
  await client.query('SET check_function_bodies = off');
  let pending = [...statements];
  for (;;) {
    const failed: StructureStatement[] = [];
    for (let first = 0; first < pending.length; first += STATEMENTS_AT_ONCE) {
      const some = pending.slice(first, first + STATEMENTS_AT_ONCE);
      if (await areMade(client, some)) continue;
      for (const statement of some) if (!(await areMade(client, [statement]))) failed.push(statement);
    }
    if (failed.length === 0 || failed.length === pending.length) return failed.map(({ what }) => what);
    pending = failed;
  }
}

/** All of them or none. */
async function areMade(client: pg.Client, statements: readonly StructureStatement[]): Promise<boolean> {
  try {
    await client.query(statements.map(({ sql }) => sql).join('\n;\n'));
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError) return false;
    throw error;
  }
}
