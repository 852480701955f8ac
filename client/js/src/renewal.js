// A method that clients of a server with authorization have besides: those of the npm package
// always, those of a served library if its server asks who comes (client/src/library/wrap.rs), so
// that others do not load it.

// Gives the server a new credential in the place of the one that expires.
export function renewAuthorization(credential) {
  this._write(`primus::authorization::${credential}`);
  return this;
}
