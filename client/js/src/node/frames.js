// The frames of RFC 6455, as a client writes and reads them. No extensions.

export const FRAMES = { continued: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

const IS_LAST = 0x80;
const IS_MASKED = 0x80;
const RESERVED = 0x70;

// What a control frame may hold (section 5.5).
const CONTROL_BYTES_MAX = 125;

// Codes that a peer may send (section 7.4).
const isCode = (code) =>
  (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
  (code >= 3000 && code <= 4999);

// A whole message as one frame, masked with four random bytes (section 5.3).
export const writeFrame = (type, payload, key) => {
  const { length } = payload;
  const short = length <= 125 ? length : length <= 0xffff ? 126 : 127;
  const keyAt = short === 127 ? 10 : short === 126 ? 4 : 2;
  const start = keyAt + key.length;
  const frame = Buffer.allocUnsafe(start + length);
  frame[0] = IS_LAST | type;
  frame[1] = IS_MASKED | short;
  if (short === 126) frame.writeUInt16BE(length, 2);
  if (short === 127) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(key, keyAt);
  for (let at = 0; at < length; at += 1) frame[start + at] = payload[at] ^ key[at & 3];
  return frame;
};

// Reads what a server sends: `hear(type, payload)` is called with each message, whole, and each
// control frame. Text and the reason of a close frame are strings, and a close frame's payload is
// `{ code, reason }`. What breaks the protocol is thrown, with the `code` that says so to the peer.
export class FrameReader {
  #hear;
  #bytesMax;
  #pieces = [];
  #available = 0;
  #needed = 0;
  #steps;

  constructor(bytesMax, hear) {
    this.#hear = hear;
    this.#bytesMax = bytesMax;
    this.#steps = this.#read();
    this.#needed = this.#steps.next().value;
  }

  push(piece) {
    this.#pieces.push(piece);
    this.#available += piece.length;
    while (this.#available >= this.#needed) {
      this.#needed = this.#steps.next(this.#take(this.#needed)).value;
    }
  }

  #take(count) {
    this.#available -= count;
    // A large frame arrives in many pieces, and a piece may hold many small frames.
    if (this.#pieces.length > 1 && this.#pieces[0].length < count) {
      this.#pieces = [Buffer.concat(this.#pieces)];
    }
    const [first = Buffer.alloc(0)] = this.#pieces;
    if (first.length > count) this.#pieces[0] = first.subarray(count);
    else this.#pieces.shift();
    return first.subarray(0, count);
  }

  // Yields how many bytes it needs next, and is given them.
  *#read() {
    let type;
    let parts = [];
    for (let size = 0; ; ) {
      const [first, second] = yield 2;
      const opcode = first & 0x0f;
      check(!(first & RESERVED) && !(second & IS_MASKED), 1002, 'A frame is malformed');
      const length = yield* this.#readLength(second);
      if (opcode >= FRAMES.close) {
        const isFine = first & IS_LAST && length <= CONTROL_BYTES_MAX && opcode <= FRAMES.pong;
        check(isFine, 1002, 'A control frame is malformed');
        const payload = yield length;
        this.#hear(opcode, opcode === FRAMES.close ? readClose(payload) : payload);
        continue;
      }
      check(opcode <= FRAMES.binary, 1002, 'A frame has an unknown type');
      const isContinued = opcode === FRAMES.continued;
      check(isContinued === (type !== undefined), 1002, 'A fragment is out of order');
      type ??= opcode;
      size += length;
      check(size <= this.#bytesMax, 1009, 'A message is too long');
      parts.push(yield length);
      if (!(first & IS_LAST)) continue;
      const message = parts.length > 1 ? Buffer.concat(parts) : parts[0];
      this.#hear(type, type === FRAMES.text ? readText(message) : message);
      [type, parts, size] = [undefined, [], 0];
    }
  }

  *#readLength(second) {
    const short = second & 0x7f;
    if (short < 126) return short;
    if (short === 126) return (yield 2).readUInt16BE();
    const long = (yield 8).readBigUInt64BE();
    check(long <= this.#bytesMax, 1009, 'A message is too long');
    return Number(long);
  }
}

const check = (isFine, code, reason) => {
  if (!isFine) throw Object.assign(new Error(reason), { code });
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const readText = (bytes) => {
  try {
    return utf8.decode(bytes);
  } catch {
    return check(false, 1007, 'A text is not UTF-8');
  }
};

const readClose = (payload) => {
  if (payload.length === 0) return { code: 1005, reason: '' };
  const code = payload.length > 1 ? payload.readUInt16BE() : 0;
  check(isCode(code), 1002, 'A close frame is malformed');
  return { code, reason: readText(payload.subarray(2)) };
};
