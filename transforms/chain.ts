import type { ChangeEvent } from '../schemas/change-event.ts';
import type { TableSchema } from '../schemas/table-schema.ts';
import type { BoundTransform } from './per-table.ts';
import type { Transform } from './transform.ts';

/**
 * All transforms of a sink (or of the source), in order, as one call for each event of a table. Without transforms the
 * table and its events come back as they are. Throws TransformError when a transform does not fit the table.
 */
export function bindTransforms(transforms: readonly Transform[], table: TableSchema): BoundTransform {
  let output = table;
  const steps = transforms.map((transform) => {
    output = transform.schema(output);
    return { transform, output };
  });
  return {
    table: output,
    apply: (event) => {
      let current: ChangeEvent | null = event;
      for (const step of steps) {
        current = step.transform.apply(current, step.output);
        if (current === null) return null;
      }
      return current;
    },
  };
}
