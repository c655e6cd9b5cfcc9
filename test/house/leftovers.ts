/** A mark that must not stay in a file, and why. */
interface Leftover {
  readonly pattern: RegExp;
  readonly what: string;
}

// Written with a class of one letter, so that this file does not hold the marks itself.
const LEFTOVERS: readonly Leftover[] = [
  { pattern: /\b(?:TOD[O]|FIXM[E]|XX[X])\b/, what: 'a note of unfinished work' },
  {
    pattern: /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:onl[y]|ski[p]|tod[o]|fail[s])\b/,
    what: 'a test that is switched off, or switches off the others',
  },
  {
    pattern: /@ts-(?:ignor[e]|expect-erro[r]|nochec[k])|\b(?:ox|es)lint-disabl[e]/,
    what: 'a check that is switched off',
  },
];

/** What is left over in a text, each with its line number. */
export function leftoversOf(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      LEFTOVERS.filter(({ pattern }) => pattern.test(line)).map(({ what }) => `line ${index + 1}: ${what}`),
    );
}
