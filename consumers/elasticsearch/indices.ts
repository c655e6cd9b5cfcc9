import { TailraceError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';
import { fieldsOf, type StoredFields } from './mapping.ts';
import { aliasNameOf, firstIndexOf } from './names.ts';
import type { Send } from './requests.ts';
import { prepareIndex } from './structure.ts';

/** What this process knows of the sink's indices. */
export interface Indices {
  /** Throws SINK_SCHEMA_CONFLICT where the column of a target is jsonb and its field is not, or an index is somebody else's. */
  prepare(target: Target): Promise<void>;
  /**
   * The fields of a target's index, which has one for each of the target's columns. A schema that was never prepared is
   * prepared here: an event of an older schema brings back a field that the source has dropped, as if the index had been
   * there all the time.
   */
  fieldsOf(target: Target): Promise<StoredFields>;
}

export function openIndices(send: Send, log: Logger): Indices {
  const stored = new WeakMap<TableSchema, StoredFields>();

  async function fields(target: Target): Promise<StoredFields> {
    const found = await prepareIndex(send, target);
    stored.set(target.table, found);
    return found;
  }

  return {
    async prepare(target) {
      const found = await fields(target);
      for (const { name, kept, wanted } of keptFields(target, found))
        log.warn(
          { index: aliasNameOf(target.name), field: name, kept, wanted },
          'the column has changed its type: the field keeps its own, and searches may miss values that do not fit it',
        );
    },

    fieldsOf: async (target) => stored.get(target.table) ?? fields(target),
  };
}

/**
 * The fields whose stored type is another than their column asks for. Throws SINK_SCHEMA_CONFLICT where the column is jsonb
 * and its field is not.
 */
export function keptFields(
  target: Target,
  stored: StoredFields,
): { readonly name: string; readonly kept: string; readonly wanted: string }[] {
  return Object.entries(fieldsOf(target.table)).flatMap(([name, { type: wanted }]) => {
    const kept = stored.get(name) ?? wanted;
    if (kept === wanted) return [];
    if (wanted === 'object') throw notJson(target, name, kept);
    return [{ name, kept, wanted }];
  });
}

function notJson({ name: target }: Target, field: string, kept: string): TailraceError {
  const index = firstIndexOf(aliasNameOf(target));
  return new TailraceError(
    'SINK_SCHEMA_CONFLICT',
    `field ${JSON.stringify(field)} of index ${index} has the type ${kept}, its column is jsonb now, and Elasticsearch cannot change the type of a field`,
    `rename the column for this sink; or fill the index anew: stop the sink, send DELETE /${index} to Elasticsearch, delete the ` +
      "sink's consumer group (kafka-consumer-groups.sh --delete --group <pipeline>.<sink>) and start the sink.",
  );
}
