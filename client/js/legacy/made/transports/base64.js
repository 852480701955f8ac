// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { shims } from '../shims.js';
function _callSpread$transports_base64(a, e, l) {
  return a.apply(e, l);
}
var BYTES_PER_CALL$transports_base64 = 8192;
export var bytesOf = function bytesOf(packet) {
  var _packet$buffer, _packet$byteOffset;
  return new Uint8Array((_packet$buffer = packet.buffer) != null ? _packet$buffer : packet, (_packet$byteOffset = packet.byteOffset) != null ? _packet$byteOffset : 0, packet.byteLength);
};
export var toBase64 = function toBase64(packet) {
  var bytes = bytesOf(packet);
  var text = '';
  for (var at = 0; at < bytes.length; at += BYTES_PER_CALL$transports_base64) {
    text += _callSpread$transports_base64(String.fromCharCode, String, bytes.subarray(at, at + BYTES_PER_CALL$transports_base64));
  }
  return btoa(text);
};
export var fromBase64 = function fromBase64(text) {
  return shims.Uint8Array_from(atob(text), function (c) {
    return c.charCodeAt(0);
  }).buffer;
};
