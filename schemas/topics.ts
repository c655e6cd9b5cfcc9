/** Names of topics and consumer groups: `contract` for every other program on the same Kafka. */

const UNSAFE_CHARACTERS = /[^a-zA-Z0-9._-]/g;

/** Kafka allows only these characters in topic names; Debezium replaces all others by `_` too. */
export function sanitizeTopicPart(name: string): string {
  return name.replace(UNSAFE_CHARACTERS, '_');
}

export function tableTopic(pipeline: string, table: { schema: string; name: string }): string {
  return `${pipeline}.${sanitizeTopicPart(table.schema)}.${sanitizeTopicPart(table.name)}`;
}

/** Compacted: table schemas, snapshot progress, the slot's identity. */
export function stateTopic(pipeline: string): string {
  return `${pipeline}.tailrace.state`;
}

/** Compacted: what is asked of the pipeline, the last command of each kind. */
export function controlTopic(pipeline: string): string {
  return `${pipeline}.tailrace.control`;
}

/** Compacted: one record a worker, its last known status. */
export function statusTopic(pipeline: string): string {
  return `${pipeline}.tailrace.status`;
}

/** What a worker set aside, byte for byte; `worker` is a sink's name, or `producer`. */
export function deadLetterTopic(pipeline: string, worker: string): string {
  return `${pipeline}.tailrace.dlq.${worker}`;
}

/** Each sink is its own consumer group. */
export function sinkGroup(pipeline: string, sink: string): string {
  return `${pipeline}.${sink}`;
}

/** The header that carries an event's position, so that nothing needs decoding to order events. */
export const POSITION_HEADER = 'tailrace.position';
/** The header that names the fingerprint of the table schema (in the state topic) an event was written with. */
export const SCHEMA_HEADER = 'tailrace.schema';
/** The header that carries values which the types of the columns cannot (exact-values.ts); most records have none. */
export const VALUES_HEADER = 'tailrace.values';
