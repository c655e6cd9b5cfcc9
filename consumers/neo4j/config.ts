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

/** A label or a type; two underscores in front are kept for the sink's own. */
const graphName = z.string().regex(/^(?!__)./s, 'expected a name that does not begin with __');
const foreignKey = z.string().min(1);
const column = z.string().min(1);
const oneOrMore = z.union([column.transform((name) => [name]), z.array(column).min(1)]);

const relationship = z.strictObject({
  type: graphName.optional().describe('default: the column in UPPER_SNAKE without _ID'),
  direction: z
    .enum(['out', 'in'])
    .default('out')
    .describe("out: from this row's node to the other; in: from the other to this one"),
});

/** How one foreign key is stored; `none`: only as a property. */
export type RelationshipOptions = z.output<typeof relationship> | 'none';

const index = z.strictObject({
  columns: oneOrMore,
  type: z.enum(['range', 'text', 'fulltext']).default('range'),
});

export type IndexOptions = z.output<typeof index>;

/** The keys of `mapping.<table>` that are Neo4j's own. Columns have the names that they have after transforms. */
export const tableOptionsSchema = z.strictObject({
  as: z
    .enum(['node', 'relationship'])
    .optional()
    .describe('default: relationship where the key is exactly two foreign keys, else node'),
  label: graphName.optional().describe('label of the nodes; default: the name of the target in PascalCase'),
  labels: z.array(graphName).default([]).describe('further labels of the nodes'),
  relationships: z
    .record(
      foreignKey,
      z.union([z.literal('none'), graphName.transform((type) => relationship.parse({ type })), relationship]),
    )
    .default({})
    .describe(
      'how foreign keys are stored, by their column or constraint: a type, none, or {type, direction}',
    ),
  type: graphName
    .optional()
    .describe('of a table stored as relationship: its type; default: the name of the target in UPPER_SNAKE'),
  start: foreignKey
    .optional()
    .describe('of a table stored as relationship: column or constraint of the foreign key where it starts'),
  end: foreignKey
    .optional()
    .describe('of a table stored as relationship: column or constraint of the foreign key where it ends'),
  indexes: z
    .array(z.union([oneOrMore.transform((columns): IndexOptions => ({ columns, type: 'range' })), index]))
    .default([])
    .describe('a column, a list of columns, or {columns, type: range | text | fulltext}'),
});

export type Neo4jTableOptions = z.output<typeof tableOptionsSchema>;

/** The checked options of a table. */
export type TableOptionsOf = (table: { readonly schema: string; readonly name: string }) => Neo4jTableOptions;

const DEFAULTS: Neo4jTableOptions = tableOptionsSchema.parse({});
/** For a graph without any options. */
export const noTableOptions: TableOptionsOf = () => DEFAULTS;

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
