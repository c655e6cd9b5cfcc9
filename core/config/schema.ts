import { z } from 'zod';
import { tablePattern } from '../../schemas/table-pattern.ts';

/** A duration as people write it, `500ms`, `10s`, `5m`, `2h`; parsed to milliseconds. */
const durationMs = z
  .string()
  .regex(/^\d+(ms|s|m|h)$/, 'expected a duration such as 500ms, 10s, 5m or 2h')
  .transform((text) => {
    const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[
      text.replace(/^\d+/, '') as 'ms' | 's' | 'm' | 'h'
    ];
    return Number.parseInt(text, 10) * unit;
  });

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,39}$/, 'expected a lower-case letter, then up to 39 of a-z, 0-9, _ and -');

/** The word that stands for the source where a command asks for the name of a sink or for the source. */
export const SOURCE_NAME = 'postgres';

const sinkName = name.refine((text) => text !== SOURCE_NAME, {
  message: `"${SOURCE_NAME}" stands for the source in \`tailrace query\`: give the sink another name`,
});

const port = z.number().int().min(0).max(65_535);

/** One transform: a built-in one as `{ verb: options }`, or a user's own as `{ module: path }`. */
const transform = z.record(z.string(), z.unknown()).refine((entry) => Object.keys(entry).length === 1, {
  message: 'expected one transform per list entry, such as "- maskColumns: {...}" or "- module: ./file.ts"',
});

const includeOrExclude = z
  .strictObject({
    include: z.array(z.string()).min(1).optional(),
    exclude: z.array(z.string()).optional(),
  })
  .refine((entry) => (entry.include === undefined) !== (entry.exclude === undefined), {
    message: 'expected either include or exclude',
  });

const source = z.strictObject({
  url: z.string().min(1).describe('postgres://user:password@host:port/database'),
  tables: z.array(tablePattern).min(1).describe('schema.table or schema.*'),
  exclude: z.array(tablePattern).default([]),
  appendOnly: z
    .array(tablePattern)
    .default([])
    .describe(
      'tables without a primary key that are captured as history: each INSERT becomes a row of its own',
    ),
  columns: z
    .record(tablePattern, includeOrExclude)
    .default({})
    .describe('per table, the columns that are captured; key columns always are'),
  snapshot: z.enum(['initial', 'never']).default('initial'),
  snapshotChunkRows: z.number().int().min(1).max(100_000).default(20_000),
  heartbeatInterval: durationMs.prefault('10s'),
  failoverSlot: z.boolean().default(true).describe('a new slot is one that standbys may copy (Postgres 17+)'),
  truncate: z
    .enum(['apply', 'stop', 'ignore'])
    .default('apply')
    .describe(
      'what a TRUNCATE does: empties the stores too, halts the producer, or nothing (with a warning)',
    ),
  undecodable: z
    .enum(['stop', 'deadLetter'])
    .default('stop')
    .describe(
      'a change that cannot be decoded: halts the producer, or goes to <pipeline>.tailrace.dlq.producer',
    ),
  transforms: z.array(transform).default([]),
});

const kafka = z.strictObject({
  brokers: z
    .array(z.string().regex(/^[^:,\s]+:\d+$/, 'expected host:port'))
    .min(1)
    .describe('a list of host:port'),
  ssl: z
    .union([
      z.boolean(),
      z.strictObject({ ca: z.string().optional(), rejectUnauthorized: z.boolean().default(true) }),
    ])
    .default(false),
  sasl: z
    .strictObject({
      mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: z.string(),
      password: z.string(),
    })
    .optional(),
  compression: z.enum(['zstd', 'gzip', 'none']).default('none'),
  jsonSchemas: z
    .boolean()
    .default(false)
    .describe('JSON records carry a schema block, as of Connect with schemas.enable; not with a registry'),
  partitions: z.number().int().min(1).max(1000).default(3),
  replicationFactor: z.number().int().min(1).max(10).default(1),
  largeRows: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe(
      'a row that is larger than its topic takes: halts the producer, or is left out with a note in <pipeline>.tailrace.dlq.producer',
    ),
});

const topics = z.strictObject({
  format: z
    .enum(['tailrace', 'debezium'])
    .default('tailrace')
    .describe('who writes the topics: the producer, or the Postgres connector of Debezium'),
  prefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]+$/, "expected the connector's topic.prefix")
    .optional()
    .describe("with format debezium: the connector's topic.prefix; default: the pipeline's name"),
});

const registry = z.strictObject({
  url: z.url(),
  username: z.string().optional(),
  password: z.string().optional(),
});

/** How a sink maps the tables of one pattern; keys beside these belong to the sink's type, which checks them itself. */
const mapping = z.looseObject({
  name: z.string().min(1).optional().describe('name of the target; default: that of the table'),
  key: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('unique NOT NULL columns in the place of the primary key; needs REPLICA IDENTITY FULL'),
  columns: includeOrExclude.optional().describe('the columns that the target has; key columns always are'),
  constants: z
    .record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('columns with the same value in every row'),
  transforms: z.array(transform).optional().describe("behind the sink's own transforms"),
});

/** The keys that every sink has; the rest belongs to the sink's type, which checks them itself. */
const sink = z.looseObject({
  type: z.string().describe('the folder of the store under consumers/'),
  tables: z.array(tablePattern).min(1).optional().describe('default: all captured tables'),
  transforms: z.array(transform).default([]),
  mapping: z
    .record(tablePattern, mapping)
    .default({})
    .describe('by table pattern, how the tables are mapped; of several that match, later keys win'),
  deadLetter: z.strictObject({ mode: z.enum(['park', 'stop']).default('park') }).prefault({}),
});

/** The `source.url` of a config that has no `source`, as one may whose topics Debezium writes. */
export const NO_SOURCE = 'none';

const config = z.strictObject({
  pipeline: name.describe('prefix of topics, consumer groups, slot and publication'),
  source: source.prefault({ url: NO_SOURCE, tables: ['*.*'] }),
  topics: topics.prefault({}).describe('default: those of the producer'),
  kafka,
  registry: registry.optional().describe('Avro with a registry, JSON without'),
  sinks: z.record(sinkName, sink).default({}),
  dashboard: z.strictObject({ port: port.default(8080) }).optional(),
  metrics: z.strictObject({ port: port.default(9464), host: z.string().default('127.0.0.1') }).prefault({}),
});

export const configSchema = config
  .refine(({ source: { url }, topics: { format } }) => url !== NO_SOURCE || format === 'debezium', {
    path: ['source'],
    message: 'expected url and tables; only with topics.format debezium it may be absent',
  })
  .superRefine(({ topics: { format }, sinks }, context) => {
    if (format !== 'debezium') return;
    for (const [sinkOfConfig, { mapping }] of Object.entries(sinks))
      for (const [pattern, { key }] of Object.entries(mapping))
        if (key !== undefined)
          context.addIssue({
            code: 'custom',
            path: ['sinks', sinkOfConfig, 'mapping', pattern, 'key'],
            message:
              "rows of Debezium's topics are known by their record's key alone: name other columns in its message.key.columns",
          });
  });

export type Config = z.output<typeof configSchema>;
/** What a user writes, for `defineConfig`. */
export type ConfigInput = z.input<typeof configSchema>;
export type SourceConfig = Config['source'];
export type KafkaConfig = Config['kafka'];
export type RegistryConfig = NonNullable<Config['registry']>;
export type SinkConfig = Config['sinks'][string];
/** One entry of a sink's `mapping`, or several as one. */
export type MappingConfig = z.output<typeof mapping>;
export type TransformConfig = z.output<typeof transform>;

/** Keys of a sink that belong to the runtime, not to the store. */
export const RUNTIME_SINK_KEYS = ['type', 'tables', 'transforms', 'mapping', 'deadLetter'] as const;

/** Keys of a sink's `mapping` that belong to the runtime, not to the store. */
export const RUNTIME_MAPPING_KEYS = ['name', 'key', 'columns', 'constants', 'transforms'] as const;
