import { qualifiedName } from '../schemas/table-schema.ts';

/**
 * A transform that cannot be loaded, does not fit a table, or gave back something that is no event. `message` says what
 * and why, `fix` what mends it; neither holds a row's values.
 */
export class TransformError extends Error {
  /** The verb, or the path of a user's own module as the config spells it. */
  readonly transform: string;
  /** `schema.table`, or null when no table is concerned. */
  readonly table: string | null;
  readonly fix: string;

  constructor(
    transform: string,
    table: { readonly schema: string; readonly name: string } | null,
    problem: string,
    fix: string,
    options?: ErrorOptions,
  ) {
    const name = table === null ? null : qualifiedName(table);
    super(`transform ${transform}${name === null ? '' : ` on ${name}`}: ${problem}`, options);
    this.name = 'TransformError';
    this.transform = transform;
    this.table = name;
    this.fix = fix;
  }
}
