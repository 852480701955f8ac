// Passes packets on as they are: text stays text, bytes stay bytes.

export const raw = {
  encode: (value) => value,
  decode: (packet) => packet,
};
