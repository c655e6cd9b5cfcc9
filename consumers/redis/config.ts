import { z } from 'zod';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(/^rediss?:\/\//, 'expected redis://host:port or rediss://host:port (TLS)')
    .describe('redis://user:password@host:port/database, rediss:// for TLS; the database is 0 by default'),
  username: z.string().optional().describe('instead of the one in the url'),
  password: z.string().optional().describe('instead of the one in the url'),
  tombstoneTtl: z
    .string()
    .regex(/^[1-9]\d*(s|m|h)$/, 'expected a duration such as 60s, 30m or 24h')
    .prefault('24h')
    .transform((text) => Number.parseInt(text, 10) * UNIT_MS[text.slice(-1) as keyof typeof UNIT_MS])
    .describe('how long the version of a deleted row is kept; longer than any write can be late'),
});

/** `tombstoneTtl` is in milliseconds here. */
export type RedisOptions = z.output<typeof optionsSchema>;

/** The keys of \`mapping.<table>\` that are Redis's own. */
export const tableOptionsSchema = z.strictObject({});

export type RedisTableOptions = z.output<typeof tableOptionsSchema>;
