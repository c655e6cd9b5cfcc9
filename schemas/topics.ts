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

/** Compacted: one record a worker, its last known status. */
export function statusTopic(pipeline: string): string {
  return `${pipeline}.tailrace.status`;
}

/** Each sink is its own consumer group. */
export function sinkGroup(pipeline: string, sink: string): string {
  return `${pipeline}.${sink}`;
}

/** The header that carries an event's position, so that nothing needs decoding to order events. */
export const POSITION_HEADER = 'tailrace.position';
/** The header that names the fingerprint of the table schema (in the state topic) an event was written with. */
export const SCHEMA_HEADER = 'tailrace.schema';
