// A parser turns values into packets (text or bytes) and back. What is wrong with a value or a
// packet is thrown.

export const json = {
  encode: (value) => JSON.stringify(value),
  // A packet that is not text is passed through, as Primus does.
  decode: (packet) => (typeof packet === 'string' ? JSON.parse(packet) : packet),
};
