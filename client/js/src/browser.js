// The entry of the npm package in browsers.

import { Primus } from './primus.js';
import { renewAuthorization } from './renewal.js';

Primus.prototype.renewAuthorization = renewAuthorization;

// There are no modules of Node.js here.
Primus.requires = Primus.require = () => {};

export { Primus, Primus as default };
