import { figure, type Figure, type Goal } from '../figures.ts';
import { formatNumber, renderTable, type Column } from '../table.ts';
import { codecCases, type CodecCase } from './cases.ts';

/** As fast as the runtime's own JSON. */
const GOAL: Goal = { atLeastShare: 1 };
const ROUNDS = 25;
const CALLS = 10_000;

/**
 * Events a CPU second of each case, and of its bound. The cases take turns, and the best round of each counts: what else the
 * machine does can only make one slower.
 */
export function measureCodec(): Figure[] {
  const cases = codecCases();
  const fewest = new Map<CodecCase, number>();
  for (let round = 0; round < ROUNDS; round++)
    for (const each of cases) fewest.set(each, Math.min(fewest.get(each) ?? Infinity, cpuSeconds(each)));
  const rateOf = (name: string) => {
    const found = cases.find((each) => each.name === name);
    return found === undefined ? 0 : CALLS / (fewest.get(found) ?? Infinity);
  };
  return cases.flatMap(({ name, bound, hasGoal, bytes }) => [
    figure(`${name}.rate`, rateOf(name), 'events/CPU s', {
      bound: bound === null ? null : rateOf(bound),
      goal: hasGoal ? GOAL : null,
    }),
    figure(`${name}.bytes`, bytes, 'bytes/event'),
  ]);
}

function cpuSeconds({ run }: CodecCase): number {
  const before = process.cpuUsage();
  for (let call = 0; call < CALLS; call++) run(call);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const COLUMNS: readonly Column[] = [
  { heading: 'codec', isText: true },
  { heading: 'events/CPU s' },
  { heading: 'bound' },
  { heading: 'ratio' },
  { heading: 'as fast', isText: true },
  { heading: 'bytes/event' },
];

/** What a run prints. */
export function codecReport(figures: readonly Figure[]): string {
  const rows = figures.flatMap(({ name, value, bound, ratio, isMet }) => {
    const [codec, what] = name.split('.');
    if (codec === undefined || what !== 'rate') return [];
    const bytes = figures.find((each) => each.name === `${codec}.bytes`)?.value ?? 0;
    return [
      [
        codec,
        formatNumber(value),
        bound === null ? '' : formatNumber(bound),
        ratio === null ? '' : formatNumber(ratio, 2),
        isMet === null ? '' : isMet ? 'yes' : 'no',
        formatNumber(bytes),
      ],
    ];
  });
  return renderTable(COLUMNS, rows);
}
