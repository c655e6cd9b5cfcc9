import { z } from 'zod';

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(/^https?:\/\//, 'expected http://host:8123 or https://host:8443 (the HTTP interface)')
    .describe('https://user:password@host:8443/database; the parts may stand in the options below instead'),
  username: z.string().optional().describe('instead of the one in the url; default when neither names one'),
  password: z.string().optional().describe('instead of the one in the url'),
  database: z.string().optional().describe('instead of the one in the url; default when neither names one'),
  ca: z
    .string()
    .optional()
    .describe('PEM text of the authority that signed the server certificate, as ${file:PATH}'),
  compression: z.boolean().default(true).describe('send rows gzipped'),
  asyncInsert: z
    .boolean()
    .default(false)
    .describe('let the server gather inserts of several writers; each write then waits for the flush'),
  textColumns: z
    .array(z.string().regex(/^.+\..+$/, 'expected table.column, the names in ClickHouse'))
    .default([])
    .describe(
      'columns to keep as String, as table.column: for a date in a key that is infinite or outside of 1900 to 2299',
    ),
});

export type ClickHouseOptions = z.output<typeof optionsSchema>;

/** The keys of \`mapping.<table>\` that are ClickHouse's own. */
export const tableOptionsSchema = z.strictObject({});

export type ClickHouseTableOptions = z.output<typeof tableOptionsSchema>;
