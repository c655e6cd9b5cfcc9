/** Exit codes of the stack command; the same numbers mean the same in every command of the project. */
export const exitCodes = { failure: 1, usage: 2, permission: 4, conflict: 5, preflight: 6 } as const;

/** One failure of the local stack: what happened and why in the message, what to do about it in `fix`. */
export class StackError extends Error {
  override readonly name = 'StackError';
  readonly code: string;
  readonly exitCode: number;
  readonly fix: string;

  constructor(code: string, exitCode: number, message: string, fix: string) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
    this.fix = fix;
  }
}

/** Anything thrown as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The text of anything thrown. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join('; ');
  return toError(thrown).message;
}
