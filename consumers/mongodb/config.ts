import { z } from 'zod';
import { faultOf } from './client.ts';

const connectionSchema = z.strictObject({
  url: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/./, 'expected mongodb://host:port/database or mongodb+srv://host/database')
    .describe("a connection string with the driver's own parameters (tls, replicaSet, authSource ...)"),
  username: z.string().optional().describe('instead of the one in the url'),
  password: z.string().optional().describe('instead of the one in the url'),
  database: z.string().min(1).optional().describe('default: the one in the url, else tailrace'),
});

export type MongodbOptions = z.output<typeof connectionSchema>;

export const optionsSchema = connectionSchema.superRefine((options, context) => {
  const fault = faultOf(options);
  if (fault !== null) context.addIssue({ code: 'custom', path: ['url'], message: fault });
});

/** A name of a field that the sink adds: plain, so that every query can name it. */
const fieldName = z
  .string()
  .regex(
    /^(?!_id$|_bsontype$|__)[^$.\0]+$/,
    'expected a field name without $ and ., not _id or _bsontype, not beginning with __',
  );

const indexSchema = z
  .strictObject({
    keys: z
      .record(
        z.string().min(1),
        z.union([z.literal(1), z.literal(-1), z.enum(['text', '2dsphere', 'hashed'])]),
      )
      .refine((keys) => Object.keys(keys).length > 0, 'expected at least one column')
      .describe(
        'column to 1, -1, text, 2dsphere or hashed, in the order of the index; a.b for a field inside',
      ),
    name: z.string().min(1).optional().describe("default: MongoDB's, such as email_1"),
    unique: z.boolean().default(false),
    sparse: z
      .boolean()
      .default(false)
      .describe('documents without the field are left out; a null is a value'),
    partial: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('partialFilterExpression: only documents that it matches are in the index'),
    ttlSeconds: z
      .int()
      .min(0)
      .max(2_147_483_647)
      .optional()
      .describe('MongoDB removes a row when its Date in the column is older than this'),
  })
  .refine(
    ({ sparse, partial }) => !sparse || partial === undefined,
    'expected sparse or partial: MongoDB refuses both in one index',
  );

const embeddingSchema = z.strictObject({
  table: z
    .string()
    .regex(/^[^.]+\.[^.]+$/, 'expected schema.table')
    .describe('the table whose rows lie in the array: schema.table in Postgres'),
  by: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      "its columns that hold this table's key, in the key's order; default: those of the foreign key",
    ),
});

/** The keys of `mapping.<table>` that are MongoDB's own. Columns have the names that they have after transforms. */
export const tableOptionsSchema = z.strictObject({
  indexes: z.array(indexSchema).default([]).describe('made when the sink starts'),
  nest: z
    .record(fieldName, z.array(z.string().min(1)).min(1))
    .default({})
    .describe('columns grouped into a subdocument: its name to the columns'),
  dates: z
    .array(z.string().min(1))
    .default([])
    .describe('timestamp columns kept as Date, without the digits below a millisecond'),
  embed: z
    .record(fieldName, embeddingSchema)
    .default({})
    .describe("rows of other tables as arrays in this table's documents: the array's name to the table"),
});

export type MongodbTableOptions = z.output<typeof tableOptionsSchema>;
export type IndexOptions = z.output<typeof indexSchema>;

export const NO_TABLE_OPTIONS: MongodbTableOptions = tableOptionsSchema.parse({});

const DEFAULT_DATABASE = 'tailrace';

/** The database that the collections lie in. The driver's own default, `test`, would be a surprise. */
export function databaseOf(options: MongodbOptions): string {
  const [, inUrl] = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(options.url) ?? [];
  return options.database ?? (inUrl === undefined ? DEFAULT_DATABASE : decodeURIComponent(inUrl));
}
