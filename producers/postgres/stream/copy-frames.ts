/** Whole CopyData messages of the Postgres protocol, each with its header, one behind the other in `bytes`. */
export interface CopyRun {
  readonly bytes: Buffer;
  readonly start: number;
  /** Behind the last message. */
  readonly end: number;
}

/** Byte of type, then the length of what follows, itself included. */
export const HEADER_BYTES = 5;
const COPY_DATA = 0x64; // d
/** The server's messages are built in buffers of this size at most. */
const MAX_MESSAGE_BYTES = 1024 * 1024 * 1024;

/**
 * Cuts what a socket gives into whole messages: `onRun` gets the CopyData of one read at once, `onOther` each other message.
 * Only a message that lies across two reads is copied. Throws RangeError where no message can start.
 */
export function copyFrames(
  onRun: (run: CopyRun) => void,
  onOther: (message: Buffer) => void,
): (read: Buffer) => void {
  const cut = cutMessage();

  const emit = (bytes: Buffer, start: number, end: number) => {
    if (end > start) onRun({ bytes, start, end });
  };

  return (read) => {
    const { whole, taken } = cut.goOn(read);
    let offset = taken;
    if (whole !== null) {
      if (whole[0] === COPY_DATA) emit(whole, 0, whole.length);
      else onOther(whole);
    } else if (taken > 0) return;
    let start = offset;
    while (offset + HEADER_BYTES <= read.length) {
      const end = offset + messageBytes(read, offset);
      if (end > read.length) break;
      if (read[offset] !== COPY_DATA) {
        emit(read, start, offset);
        onOther(read.subarray(offset, end));
        start = end;
      }
      offset = end;
    }
    emit(read, start, offset);
    if (offset < read.length) cut.begin(read.subarray(offset));
  };
}

/** The message's size with its type byte. */
export function messageBytes(bytes: Buffer, offset: number): number {
  const length = bytes.readUInt32BE(offset + 1);
  if (length < HEADER_BYTES - 1 || length > MAX_MESSAGE_BYTES)
    throw new RangeError(`a message of the server claims a length of ${length} bytes`);
  return 1 + length;
}

/** A message of which not all bytes have come; a row of 1 GB comes in thousands of reads and is joined once. */
function cutMessage() {
  let parts: Buffer[] = [];
  let held = 0;
  /** Bytes of the whole message; of its header only, while that is cut too. */
  let wanted = 0;

  const add = (part: Buffer) => {
    parts.push(part);
    held += part.length;
  };
  const join = () => {
    const joined = Buffer.concat(parts, held);
    parts = [];
    held = 0;
    return joined;
  };
  const begin = (part: Buffer) => {
    add(part);
    wanted = part.length < HEADER_BYTES ? HEADER_BYTES : messageBytes(part, 0);
  };

  return {
    begin,
    /** The whole message once this read completes it, and how many bytes of the read belong to it. */
    goOn: (read: Buffer): { whole: Buffer | null; taken: number } => {
      let taken = 0;
      while (held > 0) {
        const missing = Math.min(wanted - held, read.length - taken);
        add(read.subarray(taken, taken + missing));
        taken += missing;
        if (held < wanted) break;
        const joined = join();
        if (messageBytes(joined, 0) === joined.length) return { whole: joined, taken };
        begin(joined);
      }
      return { whole: null, taken };
    },
  };
}
