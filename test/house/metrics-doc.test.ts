import { expect, test } from 'vitest';
import { createMetrics } from '../../core/metrics.ts';
import { codeRowsOf, readDocument } from './document.ts';

interface Series {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const rows = codeRowsOf(readDocument('metrics.md'));

/** The series of the catalogue; those of Node and of the process come with prom-client and are not ours to explain. */
function catalogue(): Series[] {
  const metrics: unknown[] = createMetrics('docs').registry.getMetricsAsArray();
  return (metrics as { name: string; type: string; labelNames: string[] }[])
    .filter(({ name }) => !/^(?:process|nodejs)_/.test(name))
    .map(({ name, type, labelNames }) => ({ name, type, labels: labelNames }));
}

function byName(series: readonly Series[]): Series[] {
  return [...series].sort((left, right) => left.name.localeCompare(right.name));
}

test('the page lists every series with its type and labels, and no other', () => {
  const documented = rows.map(([name = '', type = '', labels = '']) => ({
    name,
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
  }));
  expect(byName(documented)).toEqual(byName(catalogue()));
});

test('every series has a unit that fits its name, and a text on how to read it', () => {
  const unclear = rows.filter(([name = '', , , unit = '', text = '']) => {
    const [, told] = /_(seconds|bytes)$/.exec(name) ?? [];
    return text.length < 40 || unit === '' || (told !== undefined && unit !== told);
  });
  expect(unclear).toEqual([]);
});

test('the labels say nothing of a row', () => {
  const allowed = 'sink topic partition table op result code consumergroup'.split(' ');
  expect(catalogue().flatMap(({ labels }) => labels.filter((label) => !allowed.includes(label)))).toEqual([]);
});
