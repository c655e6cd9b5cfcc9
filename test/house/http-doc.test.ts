import { expect, test } from 'vitest';
import { StatusReporter } from '../../core/status.ts';
import { emptyFigures, producerDetails } from '../../producers/producer.ts';
import { codeRowsOf, readDocument, sectionsOf } from './document.ts';

const page = readDocument('http.md');
const status = sectionsOf(page, '##').get('`/status`') ?? '';
const details = sectionsOf(page, '###');

function firstCells(text: string): string[] {
  return codeRowsOf(text).map(([first = '']) => first);
}

test('the page lists the four endpoints', () => {
  expect(firstCells(page)).toEqual(
    expect.arrayContaining(['GET /livez', 'GET /readyz', 'GET /status', 'GET /metrics']),
  );
});

test('the page lists every field of a worker', () => {
  const fields = Object.keys(new StatusReporter('docs', 'producer', () => ({})).current);
  expect(firstCells(status)).toEqual(expect.arrayContaining(fields));
  const [, example = '{}'] = /```json\n([^]*?)```/.exec(status) ?? [];
  const { workers } = JSON.parse(example) as { workers: object[] };
  expect(workers.flatMap(Object.keys).sort()).toEqual(fields.sort());
});

test('the page lists the figures of the producer', () => {
  expect(firstCells(details.get('Details of the producer') ?? '')).toEqual(
    Object.keys(producerDetails(emptyFigures())),
  );
});
