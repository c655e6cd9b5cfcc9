import type { RegistryConfig } from '../core/config/schema.ts';
import { gravest, type PlannedEffect } from '../core/planned-effect.ts';
import { askRegistry, messageOf, refused } from '../core/registry-requests.ts';
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
  const name = encodeURIComponent(subject);
  const body = { schema: JSON.stringify(schema) };
  const known = await askRegistry(config, `looking for ${subject}`, {
    method: 'POST',
    path: `/subjects/${name}`,
    body,
  });
  if (known.status === 200) return { effect: 'nothing', why: '', fix: null };
  const doing = `checking the compatibility of ${subject}`;
  const answer = await askRegistry(config, doing, {
    method: 'POST',
    path: `/compatibility/subjects/${name}/versions/latest?verbose=true`,
    body,
  });
  // Without a version there is nothing to be compatible with.
  if (answer.status === 404) return { effect: 'evolve', why: `the first version of ${subject}`, fix: null };
  if (answer.status !== 200) throw refused(doing, answer.status, messageOf(answer));
  const { is_compatible: isCompatible, messages } = answer.body as {
    is_compatible?: boolean;
    messages?: readonly string[];
  };
  if (isCompatible !== false) return { effect: 'evolve', why: `a new version of ${subject}`, fix: null };
  return {
    effect: 'break',
    why: `the registry would refuse the new schema of ${subject}${messages === undefined || messages.length === 0 ? '' : `: ${messages.join('; ')}`}`,
    fix: "set the subject's compatibility to NONE before the migration, if its readers can take it; or change the migration",
  };
}
