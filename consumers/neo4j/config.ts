import { z } from 'zod';

export const optionsSchema = z.strictObject({
  url: z
    .string()
    .regex(
      /^(neo4j|bolt)(\+s|\+ssc)?:\/\/[^/]+/,
      'expected neo4j://host:port or bolt://host:port (+s for TLS)',
    )
    .describe('neo4j://user:password@host:port, or bolt:// for one server; neo4j+s:// and bolt+s:// for TLS'),
  username: z.string().optional().describe('instead of the one in the url'),
  password: z.string().optional().describe('instead of the one in the url'),
  database: z.string().default('neo4j').describe('name of the database on the server'),
});

export type Neo4jOptions = z.output<typeof optionsSchema>;

/** The keys of \`mapping.<table>\` that are Neo4j's own. */
export const tableOptionsSchema = z.strictObject({});

export type Neo4jTableOptions = z.output<typeof tableOptionsSchema>;

export interface Address {
  /** Without credentials: the driver refuses a url that holds them. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Takes the credentials out of the url. Where neither url nor options name a user, it is `neo4j`, as in a new server. */
export function addressOf({ url, username, password }: Neo4jOptions): Address {
  const parsed = new URL(url);
  const inUrl = {
    username: decodeURIComponent(parsed.username) || 'neo4j',
    password: decodeURIComponent(parsed.password),
  };
  parsed.username = '';
  parsed.password = '';
  return { url: parsed.href, username: username ?? inUrl.username, password: password ?? inUrl.password };
}
