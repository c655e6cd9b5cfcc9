import { expect, test } from 'vitest';
import { labelOf, linksOf, relationshipOf } from './neo4j-layout.ts';
import type { Column, ForeignKey, Table } from './table.ts';

function column(name: string): Column {
  return { name, family: 'integer', sqlType: 'integer', precision: 6 };
}

function foreignKey(name: string, table: string, isFollowed = true): ForeignKey {
  return {
    name: `${name}_${table}_fkey`,
    column: name,
    schema: 'public',
    table,
    referencedColumn: 'id',
    isFollowed,
  };
}

const [customer, place] = [column('customer_id'), column('placeId')];
const relation: Table = {
  schema: 'public',
  name: 'customer_place_relation',
  columns: [customer, place],
  key: [customer, place],
  foreignKeys: [foreignKey('customer_id', 'customer'), foreignKey('placeId', 'places')],
};

test('a label is the name in Pascal case, the schema included', () => {
  expect(labelOf({ schema: 'public', name: 'customer_mapping' })).toBe('CustomerMapping');
  expect(labelOf({ schema: 'sales', name: 'orders' })).toBe('SalesOrders');
});

test('a table whose key is exactly two foreign keys is a relationship', () => {
  expect(relationshipOf(relation)).toMatchObject({ type: 'CUSTOMER_PLACE_RELATION' });
  expect(linksOf(relation).map((link) => link.name)).toEqual(['start', 'end']);
});

test('a table with one more key column is a node with its foreign keys as relationships', () => {
  const node = { ...relation, key: [...relation.key, column('year')] };
  expect(relationshipOf(node)).toBeNull();
  expect(linksOf(node).map((link) => link.name)).toEqual(['CUSTOMER', 'PLACE']);
});

test('a foreign key to a table that the graph does not hold is no relationship', () => {
  const node = { ...relation, key: [customer], foreignKeys: [foreignKey('customer_id', 'customer', false)] };
  expect(linksOf(node)).toEqual([]);
});

test('two foreign keys over one column have a type each', () => {
  const foreignKeys = [foreignKey('placeId', 'places'), foreignKey('placeId', 'regions')];
  const names = linksOf({ ...relation, key: [customer], foreignKeys }).map((link) => link.name);
  expect(names).toEqual(['PLACE__placeId_places_fkey', 'PLACE__placeId_regions_fkey']);
});
