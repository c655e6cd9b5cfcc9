import { z } from 'zod';
import { isKnownType } from './column-type.ts';

const NO_ADDRESS = 'expected http://host:8123 or https://host:8443 (the HTTP interface)';

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(/^https?:\/\//, { error: NO_ADDRESS, abort: true })
    .refine((url) => URL.canParse(url), { error: NO_ADDRESS, abort: true })
    .refine(hasReadableParts, { error: 'a % in user, password or database stands for itself as %25' })
    .describe('https://user:password@host:8443/database; the parts may stand in the options below instead'),
  username: z.string().optional().describe('instead of the one in the url; default when neither names one'),
  password: z.string().optional().describe('instead of the one in the url'),
  database: z.string().optional().describe('instead of the one in the url; default when neither names one'),
  ca: z
    .string()
    .optional()
    .describe('PEM text of the authority that signed the server certificate, as ${file:PATH}'),
  compression: z
    .enum(['none', 'zstd', 'gzip'])
    .default('none')
    .describe('of the rows on their way to the server; zstd pays where the network is slow'),
  asyncInsert: z
    .boolean()
    .default(false)
    .describe('let the server gather inserts of several writers; each write then waits for the flush'),
  lingerMs: z
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(150)
    .describe(
      'how long an insert waits for more rows: longer makes fewer parts to merge, and rows visible later',
    ),
});

function hasReadableParts(text: string): boolean {
  const { username, password, pathname } = new URL(text);
  try {
    decodeURIComponent(username + password + pathname);
    return true;
  } catch {
    return false;
  }
}

export type ClickHouseOptions = z.output<typeof optionsSchema>;

/** Each makes ReplacingMergeTree forget tombstones by itself: an older write that comes later would then bring a row back. */
export const FORGETFUL_SETTINGS: readonly string[] = [
  'allow_experimental_replacing_merge_with_cleanup',
  'enable_replacing_merge_with_cleanup_for_min_age_to_force_merge',
];

const settings = z
  .record(z.string().regex(/^\w+$/, 'expected the name of a setting'), z.union([z.string(), z.number()]))
  .default({})
  .refine((chosen) => FORGETFUL_SETTINGS.every((name) => !(name in chosen)), {
    message: `${FORGETFUL_SETTINGS.join(' and ')} cannot be used: tombstones must stay, or older events would bring rows back`,
  });

const expression = z.string().trim().min(1);

const VALUE = /^(?:count\(\)|(?:sum|avg|min|max|count|uniqExact)\(.+\))$/s;

const materializedView = z.strictObject({
  from: z
    .enum(['current', 'history'])
    .default('current')
    .describe('the live rows, or every change (needs `history`)'),
  every: z.enum(['minute', 'hour', 'day']).describe('length of a period; the name of its column too'),
  time: z
    .string()
    .min(1)
    .optional()
    .describe('column that says which period a row belongs to; of the history the commit time by default'),
  by: z.array(z.string().min(1)).default([]).describe('columns to group by, beside the period'),
  values: z
    .record(
      z.string().min(1),
      z.string().regex(VALUE, 'expected count(), sum, avg, min, max, count or uniqExact of a column'),
    )
    .refine((values) => Object.keys(values).length > 0, { message: 'expected at least one value' })
    .describe('name to aggregate: { orders: count(), revenue: sum(total) }'),
  refresh: z
    .string()
    .regex(/^[1-9]\d*(s|m|h)$/, 'expected a duration of whole seconds, minutes or hours: 30s, 5m, 1h')
    .default('1m')
    .describe('how often it is computed anew, from all rows'),
});

const history = z.strictObject({
  partitionBy: expression
    .default('toYYYYMM(__committed_at)')
    .describe('of key columns, __committed_at, __op and __pos'),
  ttl: expression.optional().describe('when a change goes: __committed_at + INTERVAL 1 YEAR'),
  settings: settings.describe('settings of the table, as of `settings`'),
});

/** The keys of `mapping.<table>` that are ClickHouse's own. Column names are those after mapping and transforms. */
export const tableOptionsSchema = z.strictObject({
  columnTypes: z
    .record(
      z.string().min(1),
      z
        .string()
        .transform((type) => type.replace(/,\s*/g, ', '))
        .refine(isKnownType, {
          message: 'expected String, UInt64, Int64, Float64, Decimal(38, 10) or another type of the README',
        }),
    )
    .default({})
    .describe('column to type, without Nullable: { amount: Decimal(38, 10), born: String }'),
  lowCardinality: z
    .array(z.string().min(1))
    .default([])
    .describe('text columns of few values to keep as LowCardinality; enums always are'),
  orderBy: z
    .array(expression)
    .min(1)
    .optional()
    .describe('sorting key: all columns of the key and functions of them; default: the key'),
  partitionBy: expression.optional().describe('partition key: a function of key columns'),
  ttl: expression
    .optional()
    .describe('when a row goes: a function of key columns, created_at + INTERVAL 90 DAY'),
  settings: settings.describe('settings of the table: { index_granularity: 4096 }'),
  history: z
    .union([z.boolean().transform((isOn) => (isOn ? history.parse({}) : null)), history])
    .prefault(false)
    .describe('keep every change in <name>_history: true, or its partitionBy, ttl, settings'),
  materializedViews: z
    .record(z.string().min(1), materializedView)
    .default({})
    .describe('by name, aggregates by minute, hour or day that ClickHouse computes anew at times'),
});

export type ClickHouseTableOptions = z.output<typeof tableOptionsSchema>;
export type MaterializedView = z.output<typeof materializedView>;
export type TableSettings = ClickHouseTableOptions['settings'];
