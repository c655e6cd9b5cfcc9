import { TailraceError } from '../../core/errors.ts';
import { qualifiedName } from '../../schemas/table-schema.ts';
import type { Target } from '../sink.ts';

/** CONFIG_INVALID for an option of a table. */
export function misconfigured({ table }: Target, option: string, what: string, fix: string): TailraceError {
  return new TailraceError(
    'CONFIG_INVALID',
    `mapping of ${qualifiedName(table)}, ${option}: ${what}`,
    `${fix}.`,
  );
}
