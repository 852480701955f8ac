// The entry of the npm package in browsers.

import { Primus } from './primus.js';

// There are no modules of Node.js here.
Primus.requires = Primus.require = () => {};

export { Primus, Primus as default };
