import { tokensOf, type Token } from './tokens.ts';

/** One reference of a file to a module. */
export interface Import {
  /** What stands between the quotes. */
  readonly specifier: string;
  /** `import type`, `export type ... from`: gone when the program runs. */
  readonly isTypeOnly: boolean;
}

/**
 * The modules that a source text imports: static imports, `export ... from`, and `import()` with a literal text, also in
 * types. An `import()` of a computed path is not listed: only a test at run time could tell where it leads.
 */
export function importsOf(source: string): Import[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, index) => {
    // `.import` is a property.
    if (token.kind !== 'name' || tokens[index - 1]?.text === '.') return [];
    const found =
      token.text === 'import'
        ? importAt(tokens, index + 1)
        : token.text === 'export'
          ? exportAt(tokens, index + 1)
          : undefined;
    return found === undefined ? [] : [found];
  });
}

function importAt(tokens: readonly Token[], start: number): Import | undefined {
  const first = tokens[start];
  const second = tokens[start + 1];
  if (first?.kind === 'text') return { specifier: first.text, isTypeOnly: false };
  if (isMark(first, '(')) {
    return second?.kind === 'text' ? { specifier: second.text, isTypeOnly: false } : undefined;
  }
  // `import.meta`, or a property or method of this name.
  if (first?.kind !== 'name' && !isMark(first, '{') && !isMark(first, '*')) return undefined;
  const isTypeOnly = first?.text === 'type' && second?.text !== 'from' && !isMark(second, ',');
  return fromAfter(tokens, start, isTypeOnly);
}

function exportAt(tokens: readonly Token[], start: number): Import | undefined {
  const isTypeOnly = tokens[start]?.text === 'type';
  const open = isTypeOnly ? start + 1 : start;
  if (isMark(tokens[open], '*')) return fromAfter(tokens, open, isTypeOnly);
  if (!isMark(tokens[open], '{')) return undefined;
  const close = tokens.findIndex((token, index) => index > open && isMark(token, '}'));
  return tokens[close + 1]?.text === 'from' ? fromAfter(tokens, close, isTypeOnly) : undefined;
}

/** The text after the next `from`; a name that is imported may itself be called `from`. */
function fromAfter(tokens: readonly Token[], start: number, isTypeOnly: boolean): Import | undefined {
  for (let index = start; index < tokens.length; index++) {
    const token = tokens[index];
    const next = tokens[index + 1];
    if (token?.kind === 'name' && token.text === 'from' && next?.kind === 'text')
      return { specifier: next.text, isTypeOnly };
  }
  return undefined;
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'other' && token.text === mark;
}
