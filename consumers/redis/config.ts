import { z } from 'zod';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const durationMs = z
  .string()
  .regex(/^[1-9]\d{0,8}(s|m|h|d)$/, 'expected a duration such as 60s, 30m, 24h or 7d')
  .transform((text) => Number.parseInt(text, 10) * UNIT_MS[text.slice(-1) as keyof typeof UNIT_MS]);

/** The client decodes both, and fails without a word on which it is where it cannot. */
function hasReadableCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .refine((url) => /^rediss?:\/\//.test(url) && URL.canParse(url), {
      message: 'expected redis://host:port or rediss://host:port (TLS)',
      abort: true,
    })
    .refine(hasReadableCredentials, 'expected percent codes in user and password: write % as %25')
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

/** Whether two names can make one key: a column's value may be any text, also one that goes on as the other name does. */
function mayMeet(one: string, other: string): boolean {
  const reaches = (name: string, reached: string): boolean =>
    name.includes('{') && startOf(reached).startsWith(startOf(name));
  return one === other || reaches(one, other) || reaches(other, one);
}

/** What stands before a name's first column. */
function startOf(name: string): string {
  return name.split('{', 1)[0] ?? '';
}

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
  .superRefine(({ sets, sorted, stream }, context) => {
    const names = [...sets, ...Object.keys(sorted), ...(stream === undefined ? [] : [stream.name])];
    for (const [place, name] of names.entries())
      for (const other of names.slice(place + 1))
        if (mayMeet(name, other))
          context.addIssue({
            code: 'custom',
            path: ['sets'],
            message: `${name} and ${other} can make one key for two sets, sorted sets or the stream: begin them differently`,
          });
  });

/** `ttl` is in milliseconds where it is a number. */
export type RedisTableOptions = z.output<typeof tableOptionsSchema>;
