import { expect, test } from 'vitest';
import { pomFor } from './packages.ts';

test('a project file depends on each artifact by group, name and version', () => {
  const pom = pomFor(['org.example:a:1.0', 'org.example:b:2.0']);
  expect(pom.match(/<dependency>/g)).toHaveLength(2);
  expect(pom).toContain('<groupId>org.example</groupId><artifactId>b</artifactId><version>2.0</version>');
});
