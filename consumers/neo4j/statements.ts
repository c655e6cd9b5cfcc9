/**
 * The Cypher about the sink's own nodes. Every value is a parameter. `$rows` are lists, which cost both sides less than maps
 * with their names; a number that a statement answers is a row's place in the batch, and stands at the row's end.
 */

/**
 * Labels of the sink's own nodes: one record a target (its shape, columns, foreign keys and labels, up to where it was
 * truncated) and the lock, and the versions of deleted keys.
 */
export const RECORD = '__Tailrace';
export const TOMBSTONE = '__Tombstone';
/** On a node that rows point to while its own row is not there. */
export const PLACEHOLDER = '__Placeholder';

/**
 * Every transaction of a writer takes this one lock first, so two writers never interleave: what the transaction reads
 * stays true until it commits, and there are no deadlocks between them. Neo4j locks a node when a property is set.
 */
export const LOCK = `MERGE (l:${RECORD} {id: 'write lock'}) SET l.locked = true`;

/** Of the targets with the ids `$ids`: up to where they were truncated, and all columns that their rows ever had. */
export const READ_RECORDS = `
  MATCH (t:${RECORD}) WHERE t.id IN $ids
  RETURN t.id AS id, t.truncated AS truncated, t.columns AS columns`;

export const ADD_COLUMNS = `
  UNWIND $rows AS row
  MERGE (t:${RECORD} {id: row[0]}) SET t.columns = row[1]`;

/** An older truncate that comes again must not let older writes pass. */
export const MARK_TRUNCATED = `
  MERGE (t:${RECORD} {id: $id})
  SET t.truncated = CASE WHEN t.truncated > $position THEN t.truncated ELSE $position END`;

/** From the server's counters, so that a graph without deletes pays nothing for them. */
export const COUNT_TOMBSTONES = `MATCH (t:${TOMBSTONE}) RETURN count(t) AS count`;

export const READ_TOMBSTONES = `
  UNWIND $rows AS id
  MATCH (t:${TOMBSTONE} {id: id})
  RETURN collect([id, t.pos]) AS found`;

export const PUT_TOMBSTONES = `
  UNWIND $rows AS row
  MERGE (t:${TOMBSTONE} {id: row[0]}) SET t.pos = row[1]`;

export const DROP_TOMBSTONES = `
  UNWIND $rows AS id
  MATCH (t:${TOMBSTONE} {id: id}) DELETE t`;

/** A placeholder that nothing points to any more stands for nothing. */
export const DROP_LOOSE_PLACEHOLDERS = `
  MATCH (n) WHERE elementId(n) IN $ids AND n:${PLACEHOLDER} AND NOT EXISTS { (n)--() }
  DELETE n`;
