import { z } from 'zod';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const durationMs = z
  .string()
  .regex(/^[1-9]\d{0,8}(s|m|h|d)$/, 'expected a duration such as 60s, 30m, 24h or 7d')
  .transform((text) => Number.parseInt(text, 10) * UNIT_MS[text.slice(-1) as keyof typeof UNIT_MS]);

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(/^rediss?:\/\//, 'expected redis://host:port or rediss://host:port (TLS)')
    .describe('redis://user:password@host:port/database, rediss:// for TLS; the database is 0 by default'),
  username: z.string().optional().describe('instead of the one in the url'),
  password: z.string().optional().describe('instead of the one in the url'),
  tombstoneTtl: z
    .union([z.literal('never').transform(() => null), durationMs])
    .prefault('24h')
    .describe(
      'how long the version of a deleted row is kept, or never to let it expire; longer than any write can be late',
    ),
  hashTags: z
    .boolean()
    .prefault(false)
    .describe('keys `{name}:key`, so that all keys of a table lie in one slot; Redis Cluster needs it'),
});

/** `tombstoneTtl` is in milliseconds here, null where tombstones stay. */
export type RedisOptions = z.output<typeof optionsSchema>;

/**
 * `by_city:{country}:{city}`: a name with columns in braces. Between two columns stands a `:`, which is escaped inside values,
 * so that two pairs of values never share a name.
 */
const indexName = z
  .string()
  .regex(/^[^{}\\]*(\{[^{}]+\}([^{}\\]*:[^{}\\]*\{[^{}]+\})*)?[^{}\\]*$/, {
    message: 'expected a name such as by_owner:{owner}, with a : between two columns and no backslash',
  })
  .min(1);

/** The keys of `mapping.<table>` that are Redis's own. */
export const tableOptionsSchema = z
  .strictObject({
    as: z.enum(['hash', 'json']).prefault('hash').describe('a row is a hash, or a string of JSON'),
    sets: z
      .array(indexName)
      .prefault([])
      .describe(
        '`by_owner:{owner}`: the set `<name>:by_owner:Bob` holds the keys of the rows with that owner',
      ),
    sorted: z
      .record(indexName, z.string().min(1))
      .prefault({})
      .describe(
        '`by_score: score`: the sorted set `<name>:by_score` holds the keys of the rows by that column',
      ),
    ttl: z
      .union([durationMs, z.strictObject({ column: z.string().min(1) })])
      .optional()
      .describe('rows expire so long after they changed, or at the time in `column`'),
    notify: z.string().min(1).optional().describe('channel that is told of each change that was applied'),
    stream: z
      .strictObject({
        name: z
          .string()
          .min(1)
          .regex(/^[^{}\\]+$/, 'expected a name without braces and backslash'),
        maxLength: z.int().positive().prefault(100_000),
      })
      .optional()
      .describe('stream `<name>:<stream>` with an entry for each change that was applied; the newest stay'),
  })
  .refine(({ ttl, sets, sorted }) => ttl === undefined || sets.length + Object.keys(sorted).length === 0, {
    path: ['ttl'],
    message: 'rows with sets or sorted sets cannot expire: Redis would leave their keys in these',
  })
  .refine(
    ({ sets, sorted, stream }) => {
      const names = [...sets, ...Object.keys(sorted), ...(stream === undefined ? [] : [stream.name])];
      return new Set(names).size === names.length;
    },
    { path: ['sets'], message: 'sets, sorted sets and the stream of a table need names of their own' },
  );

/** `ttl` is in milliseconds where it is a number. */
export type RedisTableOptions = z.output<typeof tableOptionsSchema>;
