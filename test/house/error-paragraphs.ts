import { tokensOf } from '../architecture/tokens.ts';

/** What a paragraph on an error lacks; `exitCode` null takes any. */
export function missingPartsOf(paragraph: string, exitCode: number | null): string[] {
  const parts: [name: string, pattern: RegExp][] = [
    ['exit code', new RegExp(`^\\s*Exit code ${exitCode ?? '\\d+'}\\. `)],
    ['what happened', /Exit code \d+\. \S+/],
    ['cause', /\*\*Why:\*\* \S+/],
    ['fix', /\*\*Fix:\*\* \S+/],
  ];
  return parts.filter(([, pattern]) => !pattern.test(paragraph)).map(([name]) => name);
}

/** The codes with which a source text of infra/ makes a StackError: the texts in capitals of the first argument. */
export function stackCodesIn(source: string): string[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, index) => {
    if (token.text !== 'StackError' || tokens[index - 1]?.text !== 'new') return [];
    const end = tokens.findIndex(({ kind, text }, at) => at > index && kind === 'other' && text === ',');
    return tokens
      .slice(index, end)
      .filter(({ kind, text }) => kind === 'text' && /^[A-Z][A-Z_]+$/.test(text))
      .map(({ text }) => text);
  });
}
