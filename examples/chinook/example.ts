import type { Example } from '../example.ts';
import { loadChinook } from './load.ts';
import { TABLES } from './tables.ts';
import { runWorkload } from './workload.ts';

/** A shop for digital music: a public sample database of fixed size. */
export const example: Example = {
  name: 'chinook',
  tables: TABLES.map((table) => `public.${table}`),
  load: loadChinook,
  workload: runWorkload,
};
