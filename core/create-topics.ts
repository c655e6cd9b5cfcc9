import { setTimeout as delay } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';

const LOOK_MS = 50;
const LONGEST_MS = 30_000;

/**
 * Makes topics that another process may make at the same time, and waits up to 30 s until each of their partitions has a leader. The
 * library's own waiting fails where a broker does not know the new topic yet, which it says of itself is passing. Throws what
 * kafkajs throws.
 */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics: [...topics] });
  const names = topics.map(({ topic }) => topic);
  for (const end = Date.now() + LONGEST_MS; !(await haveLeaders(admin, names, Date.now() > end));)
    await delay(LOOK_MS);
}

async function haveLeaders(admin: Admin, names: string[], isLastLook: boolean): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    return topics.every(
      ({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0),
    );
  } catch (error) {
    const isPassing = error instanceof Error && 'retriable' in error && error.retriable === true;
    if (!isPassing || isLastLook) throw error;
    return false;
  }
}
