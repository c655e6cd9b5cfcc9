import { randomBytes } from 'node:crypto';
import type { Question } from '../core/query.ts';

/** A question that only reads, with limits that no test reaches by chance. */
export function question(text: string, more: Partial<Question> = {}): Question {
  const signal = new AbortController().signal;
  return { text, write: false, maxRows: 100, timeoutMs: 30_000, signal, ...more };
}

/** A name for what a test makes in a store, lower case and without anything to quote. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${randomBytes(5).toString('hex')}`;
}

/** The address of a server of the stack. */
export function addressOf(variable: string): string {
  const url = process.env[variable];
  if (url === undefined)
    throw new Error(`this test needs a server: set ${variable}, or run it with npm test`);
  return url;
}
