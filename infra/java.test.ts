import { expect, test } from 'vitest';
import { chooseJava, findJavas, parseJavaVersion } from './java.ts';

test('the major version is read from old and new version lines', () => {
  expect(parseJavaVersion('openjdk version "17.0.15" 2025-04-15')).toBe(17);
  expect(parseJavaVersion('openjdk version "25" 2025-09-16')).toBe(25);
  expect(parseJavaVersion('java version "1.8.0_402"')).toBe(8);
  expect(parseJavaVersion('sh: java: not found')).toBeUndefined();
});

test('the oldest Java that is new enough is chosen', () => {
  const javas = [25, 17, 21].map((version) => ({ home: `/jvm/${version}`, version }));
  expect(chooseJava(javas, 17)?.version).toBe(17);
  expect(chooseJava(javas, 18)?.version).toBe(21);
  expect(chooseJava(javas, 26)).toBeUndefined();
});

test('a Java home that the user names is the only one looked at', async () => {
  expect(await findJavas(undefined, { TAILRACE_JAVA_HOME: '/nowhere', PATH: process.env['PATH'] })).toEqual(
    [],
  );
});
