import { auth, driver, type Driver } from 'neo4j-driver';
import { addressOf, type Neo4jOptions } from './config.ts';

/** The driver with integers as bigint and without retries of its own: the runtime retries. */
export function openDriver(options: Neo4jOptions): Driver {
  const { url, username, password } = addressOf(options);
  return driver(url, auth.basic(username, password), {
    connectionTimeout: 5000,
    connectionAcquisitionTimeout: 10_000,
    maxTransactionRetryTime: 0,
    useBigInt: true,
    userAgent: 'tailrace',
  });
}
