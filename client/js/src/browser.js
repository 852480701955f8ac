// The entry of the npm package in browsers.

export { Primus, Primus as default } from './primus.js';
