import type { Account } from '../account.ts';
import type { Java } from '../java.ts';

export const serverNames = [
  'postgres',
  'kafka',
  'registry',
  'elasticsearch',
  'clickhouse',
  'mongodb',
  'redis',
  'neo4j',
] as const;

export type ServerName = (typeof serverNames)[number];

/** What this machine has for running servers. */
export interface Machine {
  readonly account: Account | undefined;
  readonly javas: readonly Java[];
  /** A Python 3.10 or newer that can make virtual environments. */
  readonly python: string | undefined;
}

/** One server of one stack: where it lives and what it is reached with. */
export interface Instance {
  /** Folder of the downloaded software, read-only. */
  readonly software: string;
  /** Folder for everything that the server writes; its working directory; owned by `account`. */
  readonly home: string;
  /** Port on 127.0.0.1 for clients. */
  readonly port: number;
  /** Free port on 127.0.0.1 for the few servers that need a second listener of their own. */
  readonly innerPort: number;
  /** Letters and digits, the same for the life of the data. */
  readonly password: string;
  /** Who the server runs as; undefined = the caller. */
  readonly account: Account | undefined;
}

/** A server process to start: `env` is added to PATH, HOME and LANG. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Set by a server whose starter ends by itself once the real process, whose pid stands in this file, is up. */
  readonly pidFile?: string;
  /** Where the server writes once it is up, when not to its output. */
  readonly log?: string;
}

/** Programs that must be on the machine. `install` ones only while the server is not in the cache. */
export interface Needs {
  /** Lowest Java version that runs the server. */
  readonly java?: number;
  readonly python?: boolean;
  readonly install: readonly string[];
}

/** What is downloaded once and kept in the cache: a server, or a program that tests run. */
export interface Software {
  readonly name: string;
  /** Pinned. */
  readonly version: string;
  /** What stands in for the server that the name promises; shown wherever the stack is shown. */
  readonly standIn?: string;
  install(folder: string, machine: Machine): Promise<void>;
}

/**
 * What the stack knows of a server. One file each; nothing outside that file names the server.
 *
 * The stack calls `install` once per cache, in an empty folder that becomes `Instance.software` only when it returns.
 * It then calls `command` before each start: it writes the configuration, makes the data folder at the first time, and
 * must leave existing data alone. `probe` does what a client does, and throws until the server can do it.
 */
export interface Server extends Software {
  readonly name: ServerName;
  readonly defaultPort: number;
  /** The variable that holds `url` in the stack's environment. */
  readonly variable: string;
  readonly needs: Needs;
  /** The signal that ends the server cleanly without waiting for its clients; SIGTERM when absent. */
  readonly stopSignal?: NodeJS.Signals;
  command(instance: Instance, machine: Machine): Promise<Command>;
  probe(instance: Instance): Promise<void>;
  /** What clients connect with, credentials included. */
  url(instance: Instance): string;
}
