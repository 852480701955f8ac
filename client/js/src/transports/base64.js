// Bytes as text, for carriers that have no bytes.

// A call takes only so many arguments.
const BYTES_PER_CALL = 8192;

// The bytes of an ArrayBuffer, or of what is a view of one.
export const bytesOf = (packet) =>
  new Uint8Array(packet.buffer ?? packet, packet.byteOffset ?? 0, packet.byteLength);

export const toBase64 = (packet) => {
  const bytes = bytesOf(packet);
  let text = '';
  for (let at = 0; at < bytes.length; at += BYTES_PER_CALL) {
    text += String.fromCharCode(...bytes.subarray(at, at + BYTES_PER_CALL));
  }
  return btoa(text);
};

export const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
