// The client of the npm package: what it does is right by definition.
'use strict';

const Primus = require('primus');

const { InProcess } = require('./in-process');

const classes = new Map();

async function create(url, { transformer, ...options }, settings) {
  // Its server does not load on a current Node.js. Its clients are those of `websockets`.
  const Client = clientClass(transformer === 'uws' ? 'websockets' : transformer);
  return new InProcess(new Client(url, options), settings);
}

/** The client class for a transformer. */
function clientClass(transformer) {
  if (!classes.has(transformer)) classes.set(transformer, newClass(transformer));
  return classes.get(transformer);
}

function newClass(transformer = 'websockets') {
  return Primus.createSocket({ transformer, parser: 'json' });
}

/** Its module `recovery`, with the timers of now: the client lives in a context of its own. */
async function recovery() {
  return new (newClass())('', { manual: true }).recovery.constructor;
}

module.exports = { name: 'npm', clientClass, create, newClass, recovery };
