import type { RegistryConfig } from '../core/config/schema.ts';
import { gravest, type PlannedEffect } from '../core/planned-effect.ts';
import { standingOf } from '../core/registry-subject.ts';
import { avroSchemas } from '../schemas/avro-schema.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import { tableTopic } from '../schemas/topics.ts';

/** Whether the registry would take the table's schemas as the next versions of their subjects. It only asks. */
export async function planRegistry(
  config: RegistryConfig,
  pipeline: string,
  table: TableSchema,
): Promise<PlannedEffect> {
  const topic = tableTopic(pipeline, table);
  const { key, value } = avroSchemas(pipeline, table);
  const answers = [
    await planSubject(config, `${topic}-key`, key),
    await planSubject(config, `${topic}-value`, value),
  ];
  const effect = gravest(answers.map((answer) => answer.effect));
  return (
    answers.find((answer) => answer.effect === effect) ?? {
      effect: 'evolve',
      why: 'a new version',
      fix: null,
    }
  );
}

async function planSubject(config: RegistryConfig, subject: string, schema: unknown): Promise<PlannedEffect> {
  const { id, latest, refusal } = await standingOf(config, subject, JSON.stringify(schema));
  if (id !== null) return { effect: 'nothing', why: '', fix: null };
  if (latest === null) return { effect: 'evolve', why: `the first version of ${subject}`, fix: null };
  if (refusal === null) return { effect: 'evolve', why: `a new version of ${subject}`, fix: null };
  return {
    effect: 'break',
    why: `the registry would refuse it: ${refusal.message}`,
    fix: "set the subject's compatibility to NONE before the migration, if its readers can take it; or change the migration",
  };
}
