// What a library has compiled in. This is what the npm package has: everything. The server writes a
// module of its own in place of this one (see `client/src/library`), with its own options and only
// the transports and the parser that are needed.
//
// So that this takes no bundler, every module of the library keeps to some rules, which a test
// checks:
// - imports are of the form `import { a, b } from './file.js';`, on one line, without new names;
// - exports stand before a declaration (`export class`, `export function`, `export const`);
// - a name at the top level is used by one module only;
// - modules do not import each other in a circle;
// - a template literal, and what a top-level declaration takes apart, end on the line on which they
//   begin: comments on lines of their own and indentation are not served.

import { binary } from './parsers/binary.js';
import { ejson } from './parsers/ejson.js';
import { json } from './parsers/json.js';
import { msgpack } from './parsers/msgpack.js';
import { raw } from './parsers/raw.js';
import { browserchannel } from './transports/browserchannel.js';
import { engineIo } from './transports/engine-io.js';
import { sockjs } from './transports/sockjs.js';
import { websocket } from './transports/websocket.js';

export const defaults = {
  version: '8.0.9',
  pathname: '/primus',
  transformer: 'websockets',
  parser: 'json',
  pingTimeout: 45_000,
  authorization: false,
};

export const transports = {
  websockets: websocket,
  faye: websocket,
  uws: websocket,
  'engine.io': engineIo,
  sockjs,
  browserchannel,
};

export const parsers = { json, ejson, msgpack, binary, raw };
