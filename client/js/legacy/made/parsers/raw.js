// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

export var raw = {
  encode: function encode(value) {
    return value;
  },
  decode: function decode(packet) {
    return packet;
  }
};
