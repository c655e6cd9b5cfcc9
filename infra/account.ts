import { chmodSync, chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The user and group that the servers run as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Debian, Red Hat and Alpine all give these numbers to `nobody`. */
const nobody: Account = { uid: 65534, gid: 65534 };

/**
 * The account for the servers, or undefined for the caller's own. Postgres and Elasticsearch refuse root, so for root
 * all servers run as `nobody`: one rule instead of one per server.
 */
export function serverAccount(uid: number | undefined = process.getuid?.()): Account | undefined {
  return uid === 0 ? nobody : undefined;
}

/** Gives a file or folder to the account; nothing to do when the caller runs the servers itself. */
export function giveTo(account: Account | undefined, path: string): void {
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

/** Whether the account can enter `folder`: every parent that exists must let it through. */
export function canEnter(account: Account | undefined, folder: string): boolean {
  if (account === undefined) return true;
  const parent = dirname(folder);
  if (parent !== folder && !canEnter(account, parent)) return false;
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (found.uid === account.uid) return (found.mode & 0o100) !== 0;
  if (found.gid === account.gid) return (found.mode & 0o010) !== 0;
  return (found.mode & 0o001) !== 0;
}

/** Makes a folder, with its parents, that every account can enter whatever the caller's umask is. */
export function makeOpenFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeOpenFolder(dirname(folder));
  // Another process may make it at the same moment.
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}
