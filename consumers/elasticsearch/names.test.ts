import { expect, test } from 'vitest';
import { aliasNameOf } from './names.ts';

test.each([
  ['contacts', 'contacts'],
  ['Sales_Orders', 'sales_orders'],
  ['a b/c\\d*e?f"g<h>i|j,k#l:m;n', 'a_b_c_d_e_f_g_h_i_j_k_l_m_n'],
  ['_private', 'private'],
  ['.-+x', 'x'],
  ['ünïcode', 'ünïcode'],
  ['__', 'table'],
])('the table %s has the alias %s', (table, alias) => {
  expect(aliasNameOf(table)).toBe(alias);
});
