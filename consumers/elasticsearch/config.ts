import { z } from 'zod';

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
  compression: z.boolean().default(true).describe('send requests gzipped'),
  refresh: z
    .union([z.boolean(), z.literal('wait_for')])
    .default(false)
    .describe(
      'false: readers see a write after the refresh interval of the index (1 s); true: at once, at a cost; ' +
        'wait_for: writes wait until readers see them',
    ),
});

export type ElasticsearchOptions = z.output<typeof optionsSchema>;

/** The keys of \`mapping.<table>\` that are Elasticsearch's own. */
export const tableOptionsSchema = z.strictObject({});

export type ElasticsearchTableOptions = z.output<typeof tableOptionsSchema>;
