import type { EagerResult } from 'neo4j-driver';
import { TailraceError } from '../../core/errors.ts';
import type { Database } from './batches.ts';
import { recordId, shapeOf, type Layout } from './layout.ts';
import { quoted } from './names.ts';
import type { StoredRecord } from './records.ts';
import { PLACEHOLDER, RECORD } from './statements.ts';

/** One place where the graph is not what the sink needs and can't be made so. */
export interface Difference {
  readonly what: string;
  readonly fix: string;
}

/** Throws SINK_SCHEMA_CONFLICT that names every difference and the way on. */
export function refuseDifferences(differences: readonly Difference[]): void {
  if (differences.length === 0) return;
  throw new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    differences.map(({ what }) => what).join('\n  '),
    [...new Set(differences.map(({ fix }) => fix))].join('\n  '),
  );
}

/** How a target's rows are stored against how they would be now. */
export function shapeDifference(layout: Layout, { shape }: StoredRecord): Difference[] {
  const { name } = layout.target;
  const wanted = shapeOf(layout);
  if (shape === null || shape === wanted) return [];
  return [
    {
      what: `The target ${name} is stored as ${shape}, but its table and options now ask for ${wanted}.`,
      fix:
        'Put the option back, or fill the target anew: stop the sink, take its nodes or relationships ' +
        `and MATCH (t:${RECORD} {id: '${recordId(name)}'}) DELETE t out of Neo4j (README of the sink, "Fill a target anew"), ` +
        "delete the sink's consumer group (kafka-consumer-groups.sh --delete --group <pipeline>.<sink>) and start the sink.",
    },
  ];
}

/** A label or type that another program uses is left alone: what it holds would be taken for rows. */
export async function foreignElements(
  { driver, name: database }: Database,
  layout: Layout,
): Promise<Difference[]> {
  const isNode = layout.shape === 'node';
  const name = isNode ? `label ${layout.label}` : `type ${layout.type}`;
  const elements = isNode ? 'nodes' : 'relationships';
  const { records } = await driver.executeQuery<EagerResult<{ count: bigint }>>(
    isNode
      ? `MATCH (n:${quoted(layout.label)}) WHERE n.__pos IS NULL AND NOT n:${PLACEHOLDER} RETURN count(*) AS count`
      : `MATCH (:${quoted(layout.start.label)})-[r:${quoted(layout.type)}]->(:${quoted(layout.end.label)})
         WHERE r.__pos IS NULL RETURN count(*) AS count`,
    {},
    { database },
  );
  const count = records[0]?.get('count') ?? 0n;
  if (count === 0n) return [];
  return [
    {
      what: `The target ${layout.target.name} wants the ${name}, which ${count} ${elements} of others have already.`,
      fix: `Remove or rename those ${elements}, choose another name in the mapping, or give the sink another database.`,
    },
  ];
}
