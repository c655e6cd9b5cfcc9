import { expect, test } from 'vitest';
import { labelOf, quoted, upperSnake } from './names.ts';

test.each([
  ['contacts', 'Contacts'],
  ['customer_mapping', 'CustomerMapping'],
  ['sales_Order Items', 'SalesOrderItems'],
  ['größe_über', 'GrößeÜber'],
  ['2024_data', '2024Data'],
  ['--', '--'],
])('the label of %s is %s', (name, label) => {
  expect(labelOf(name)).toBe(label);
});

test.each([
  ['customer_place_relation', 'CUSTOMER_PLACE_RELATION'],
  ['placeId', 'PLACE_ID'],
  ['Order Items', 'ORDER_ITEMS'],
  ['__x__y__', 'X_Y'],
  ['?', '?'],
])('the type of %s is %s', (name, type) => {
  expect(upperSnake(name)).toBe(type);
});

test('a quoted name cannot end its own quotes', () => {
  expect(quoted('plain')).toBe('`plain`');
  expect(quoted('a`b')).toBe('`a``b`');
  expect(quoted('a\\u0060b')).toBe('`a\\u005Cu0060b`');
});
