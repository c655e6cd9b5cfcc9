import { expect, test } from 'vitest';
import { describeMachine, inspectMachine } from './machine.ts';

test('a busy machine is warned of', () => {
  const machine = inspectMachine();
  expect(describeMachine({ ...machine, loadAverage: 1.2 })).toContain('warning: the machine is busy');
  expect(describeMachine({ ...machine, loadAverage: 0.9 })).not.toContain('warning');
});

test('the machine is told with its cores and its Node', () => {
  expect(inspectMachine().cores).toBeGreaterThan(0);
  expect(describeMachine(inspectMachine())).toContain(`Node ${process.version}`);
});
