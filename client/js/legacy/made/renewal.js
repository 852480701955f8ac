// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

export function renewAuthorization(credential) {
  this._write("primus::authorization::".concat(credential));
  return this;
}
