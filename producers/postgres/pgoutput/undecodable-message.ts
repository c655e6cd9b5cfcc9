/** A message that cannot be decoded. The text names the tag and what is wrong, never a value. */
export class UndecodableMessage extends Error {
  /** The message's first byte as a character; empty for a message without bytes. */
  readonly tag: string;

  constructor(tag: string, reason: string) {
    super(`pgoutput message ${JSON.stringify(tag)}: ${reason}`);
    this.name = 'UndecodableMessage';
    this.tag = tag;
  }
}
