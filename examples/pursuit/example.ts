import type { Example } from '../example.ts';
import { loadPursuit } from './generate.ts';
import { runWorkload } from './workload.ts';

/** Public-sector contacts: a generated database of any size. */
export const example: Example = {
  name: 'pursuit',
  tables: [
    'public.customer',
    'public.places',
    'public.contacts',
    'public.customer_contact_relation',
    'public.customer_place_relation',
    'public.customer_mapping',
    'public.tech_stack',
  ],
  load: loadPursuit,
  workload: runWorkload,
};
