import { MongoClient, type MongoClientOptions } from 'mongodb';
import { toError } from '../../core/errors.ts';

const SELECTION_TIMEOUT_MS = 5_000;

/** Where the server is, and who logs in; user and password go before those of the url. */
export interface Connection {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** A client of the configured server; `more` are the driver's own options. Nothing is sent before it is used. */
export function openClient(connection: Connection, more: MongoClientOptions): MongoClient {
  const auth = loginOf(connection);
  return new MongoClient(connection.url, {
    ...(auth !== null && { auth }),
    appName: 'tailrace',
    serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
    connectTimeoutMS: SELECTION_TIMEOUT_MS,
    readPreference: 'primary',
    ...more,
  });
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/** The login where the config has a part of it beside the url; the other part is that of the url. Null: all is in the url. */
function loginOf({ url, username, password }: Connection): Login | null {
  if (username === undefined && password === undefined) return null;
  const [, user = '', secret = ''] = /^[^/]+:\/\/([^:@]*)(?::([^@]*))?@/.exec(url) ?? [];
  return {
    username: username ?? decodeURIComponent(user),
    password: password ?? decodeURIComponent(secret),
  };
}

/**
 * What is wrong with the settings of the connection, as far as the driver tells without a server; null for nothing. Of the
 * driver's own words only those are told that can't quote a password.
 */
export function faultOf(connection: Connection): string | null {
  try {
    const { credentials } = openClient(connection, {}).options;
    const isAnonymous = connection.password !== undefined && credentials?.username === '';
    return isAnonymous ? 'expected a username beside the password, here or as username' : null;
  } catch (error) {
    const { message } = toError(error);
    return /^options? [\w, ]+ (is|are) not supported$/.test(message)
      ? message
      : 'expected a connection string that MongoDB knows: hosts with their ports, its own options, and @ : / ? % in user and password written as %40 and so on';
  }
}
