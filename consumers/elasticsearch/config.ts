import { z } from 'zod';
import { flatSettings } from './settings.ts';

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(/^https?:\/\//, 'expected http://host:port or https://host:port')
    .describe('https://user:password@host:9200; the credentials may stand in the options below instead'),
  username: z.string().optional().describe('instead of the one in the url'),
  password: z.string().optional().describe('instead of the one in the url'),
  apiKey: z.string().optional().describe('instead of user name and password; the encoded form'),
  ca: z
    .string()
    .optional()
    .describe('PEM text of the authority that signed the server certificate, as ${file:PATH}'),
  compression: z
    .boolean()
    .default(false)
    .describe('send requests gzipped: less traffic, more work for both sides'),
  refresh: z
    .union([z.boolean(), z.literal('wait_for')])
    .default(false)
    .describe(
      'false: readers see a write after the refresh interval of the index (1 s); true: at once, at a cost; ' +
        'wait_for: writes wait until readers see them',
    ),
});

export type ElasticsearchOptions = z.output<typeof optionsSchema>;

const field = z
  .record(z.string(), z.json())
  .refine(({ type }) => type === undefined || typeof type === 'string', 'expected a name as type')
  .refine((entry) => !Object.hasOwn(entry, 'properties'), 'columns are grouped by nest, not by properties');

const settings = z
  .record(z.string(), z.json())
  .refine((entry) => (flatSettings(entry)['translog.durability'] ?? 'request') === 'request', {
    path: ['translog.durability'],
    message: 'stays request, or a crash of the server would lose writes that the sink was told are durable',
  });

/** The keys of `mapping.<table>` that are Elasticsearch's own. */
export const tableOptionsSchema = z.strictObject({
  index: z
    .string()
    .regex(
      /^[^-_+.\\/*?"<>|\s,#:;A-Z][^\\/*?"<>|\s,#:;A-Z]*$/,
      'expected the name of an index, in lower case',
    )
    .optional()
    .describe('the index that the sink makes behind the alias; default: <name>-1'),
  settings: settings
    .default({})
    .describe('settings of the index: number_of_shards, refresh_interval, analysis ...'),
  fields: z
    .record(z.string().min(1), field)
    .default({})
    .describe(
      'by column, parameters of its field: type, analyzer, fields, ignore_above, copy_to ...; ' +
        'also by a name that a copy_to gives',
    ),
  routing: z
    .string()
    .min(1)
    .optional()
    .describe('the key column that chooses the shard; default: the _id does'),
  nest: z
    .record(
      z.string().min(1),
      z.union([
        z.array(z.string().min(1)).min(1),
        z
          .record(z.string().min(1), z.string().min(1))
          .refine((columns) => Object.keys(columns).length > 0, 'expected a column'),
      ]),
    )
    .default({})
    .describe('by object, the columns that stand in it: [street, city], or { street: address_street }'),
});

export type ElasticsearchTableOptions = z.output<typeof tableOptionsSchema>;

/** What holds for a table that the config does not name. */
export const DEFAULT_TABLE_OPTIONS: ElasticsearchTableOptions = tableOptionsSchema.parse({});
