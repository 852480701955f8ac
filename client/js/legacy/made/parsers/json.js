// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

export var json = {
  encode: function encode(value) {
    return JSON.stringify(value);
  },
  decode: function decode(packet) {
    return typeof packet === 'string' ? JSON.parse(packet) : packet;
  }
};
