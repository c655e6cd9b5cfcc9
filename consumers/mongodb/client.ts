import { MongoClient, type MongoClientOptions } from 'mongodb';
import type { MongodbOptions } from './config.ts';

const SELECTION_TIMEOUT_MS = 5_000;

/** A client of the configured server; `more` are the driver's own options. */
export function openClient(options: MongodbOptions, more: MongoClientOptions): MongoClient {
  return new MongoClient(options.url, {
    ...(options.username !== undefined && {
      auth: {
        username: options.username,
        ...(options.password !== undefined && { password: options.password }),
      },
    }),
    appName: 'tailrace',
    serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
    connectTimeoutMS: SELECTION_TIMEOUT_MS,
    readPreference: 'primary',
    ...more,
  });
}
