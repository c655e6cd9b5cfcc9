import { TailraceError } from '../../core/errors.ts';
import type { TableSchema } from '../../schemas/table-schema.ts';
import type { SinkContext, Target } from '../sink.ts';
import type { ElasticsearchTableOptions } from './config.ts';
import { fieldsOf } from './fields.ts';
import { documentShape, takesObjects, type DocumentShape } from './mapping.ts';
import type { Send } from './requests.ts';
import { fillAnew, prepareIndex, type PreparedIndex } from './structure.ts';
import { assertOptionsFit } from './table-options.ts';

/** What this process knows of the sink's indices. */
export interface Indices {
  /**
   * Throws SINK_SCHEMA_CONFLICT where the index cannot become what the table and its options ask for, CONFIG_INVALID where the
   * options do not fit the table.
   */
  prepare(target: Target): Promise<void>;
  /**
   * How rows of a target become documents. A schema that was never prepared is prepared here: an event of an older schema
   * brings back a field that the source has dropped, as if the index had been there all the time.
   */
  shapeOf(target: Target): Promise<DocumentShape>;
}

export function openIndices(
  send: Send,
  { log, tableOptions }: SinkContext<ElasticsearchTableOptions>,
): Indices {
  const shapes = new WeakMap<TableSchema, DocumentShape>();

  async function open(target: Target): Promise<{ index: PreparedIndex; shape: DocumentShape }> {
    const options = tableOptions(target.table);
    const index = await prepareIndex(send, log, target, options);
    const shape = documentShape(target, index.fields, options);
    shapes.set(target.table, shape);
    return { index, shape };
  }

  return {
    async prepare(target) {
      const options = tableOptions(target.table);
      assertOptionsFit(target, options);
      const { index } = await open(target);
      for (const { name, kept, wanted } of keptFields(index, target.table, options))
        log.warn(
          { index: index.name, field: name, kept, wanted },
          'the column has changed its type: the field keeps its own, and searches may miss values that do not fit it',
        );
    },

    shapeOf: async (target) => shapes.get(target.table) ?? (await open(target)).shape,
  };
}

/**
 * The fields whose stored type is another than their column asks for. Throws SINK_SCHEMA_CONFLICT where one of the two is
 * for objects and the other one is not.
 */
export function keptFields(
  index: PreparedIndex,
  table: TableSchema,
  options: ElasticsearchTableOptions,
): { readonly name: string; readonly kept: string; readonly wanted: string }[] {
  return Object.entries(fieldsOf(table, options)).flatMap(([name, { type: wanted }]) => {
    const kept = index.fields.get(name) ?? wanted;
    if (kept === wanted) return [];
    // An object is not parsed, so it takes any value.
    if (kept !== 'object' && takesObjects(kept) !== takesObjects(wanted))
      throw new TailraceError(
        'SINK_SCHEMA_CONFLICT',
        `field ${JSON.stringify(name)} of index ${index.name} has the type ${kept}, its column asks for ${wanted} now, and Elasticsearch cannot change the type of a field`,
        `rename the column for this sink; or ${fillAnew(index.name)}`,
      );
    return [{ name, kept, wanted }];
  });
}
