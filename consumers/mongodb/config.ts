import { z } from 'zod';

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/./, 'expected mongodb://host:port/database or mongodb+srv://host/database')
    .describe("a connection string with the driver's own parameters (tls, replicaSet, authSource ...)"),
  username: z.string().optional().describe('instead of the one in the url'),
  password: z.string().optional().describe('instead of the one in the url'),
  database: z.string().min(1).optional().describe('default: the one in the url, else tailrace'),
});

export type MongodbOptions = z.output<typeof optionsSchema>;

/** The keys of \`mapping.<table>\` that are Mongodb's own. */
export const tableOptionsSchema = z.strictObject({});

export type MongodbTableOptions = z.output<typeof tableOptionsSchema>;

const DEFAULT_DATABASE = 'tailrace';

/** The database that the collections lie in. The driver's own default, `test`, would be a surprise. */
export function databaseOf(options: MongodbOptions): string {
  const [, inUrl] = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(options.url) ?? [];
  return options.database ?? (inUrl === undefined ? DEFAULT_DATABASE : decodeURIComponent(inUrl));
}
