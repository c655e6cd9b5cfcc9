import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VALUE_KINDS } from '../../schemas/value.ts';
import { TYPE_SAMPLES } from './samples.ts';
import { TYPES_PAGE, typesPage } from './types-page.ts';

test('the tables of docs/types.md are what codecs and sinks do; `node test/types/types-page.ts` writes them anew', () => {
  const page = readFileSync(TYPES_PAGE, 'utf8');
  expect(page).toBe(typesPage(page));
});

test('the page has a sample of every kind of value', () => {
  expect(new Set(TYPE_SAMPLES.map(({ kind }) => kind))).toEqual(new Set(VALUE_KINDS));
});
