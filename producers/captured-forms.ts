import type pg from 'pg';
import type { SourceConfig } from '../core/config/schema.ts';
import { withCode, type TailraceError } from '../core/errors.ts';
import { matchesTable } from '../schemas/table-pattern.ts';
import { bindTransforms } from '../transforms/chain.ts';
import type { Transform } from '../transforms/transform.ts';
import { captureTable } from './postgres/tables/captured-table.ts';
import { listTables, readTableSchema, type CatalogTable } from './postgres/tables/catalog.ts';
import { findTableProblems } from './postgres/tables/table-problems.ts';
import { readTableShapes } from './postgres/tables/table-shapes.ts';
import type { TableForm } from './schema-change.ts';
import { isCaptured } from './set-up.ts';

/** A table as the pipeline would capture it now: its schema in its topic, or why it cannot be captured. */
export interface CapturedForm extends TableForm {
  readonly oid: number;
  /** Columns that old rows can have a value in without an update. */
  readonly filled: ReadonlySet<string>;
  readonly problem: TailraceError | null;
}

/**
 * The tables that the config's patterns name, as their rows are in the topics: the captured columns, after
 * `source.transforms`.
 */
export async function readCapturedForms(
  client: pg.Client,
  source: SourceConfig,
  transforms: readonly Transform[],
  tables?: readonly CatalogTable[],
): Promise<CapturedForm[]> {
  const selected =
    tables ??
    (await listTables(client)).filter(
      (table) => matchesTable(source.tables, table) && !matchesTable(source.exclude, table),
    );
  const problems = await findTableProblems(client, selected, source.appendOnly);
  const shapes = await readTableShapes(
    client,
    selected.map(({ oid }) => oid),
  );
  const forms: CapturedForm[] = [];
  for (const { oid } of selected) {
    const schema = await readTableSchema(client, oid);
    if (schema === null) continue;
    const captured = captureTable(oid, schema, isCaptured(source, schema)).table;
    const problem = problems.get(oid) ?? null;
    const shape = shapes.get(oid);
    const columns = shape?.columns ?? {};
    const filled = shape?.filled ?? new Set();
    try {
      const { table } = bindTransforms(transforms, captured);
      forms.push({ oid, table, columns, filled, problem });
    } catch (error) {
      const failed = withCode('TRANSFORM_FAILED', error, 'mend source.transforms in the config');
      forms.push({ oid, table: captured, columns, filled, problem: problem ?? failed });
    }
  }
  return forms;
}
