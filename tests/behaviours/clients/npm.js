// The client of the npm package: what it does is right by definition.
'use strict';

const Primus = require('primus');

const { InProcess } = require('./in-process');

const classes = new Map();

async function create(url, { transformer, ...options }, settings) {
  // Its server does not load on a current Node.js. Its clients are those of `websockets`.
  const name = transformer === 'uws' ? 'websockets' : transformer;
  // A window is part of the context in which its class lives.
  const host = options.network ? new EventTarget() : undefined;
  const Client = host ? newClass(name, host) : clientClass(name);
  return new InProcess(new Client(url, options), { ...settings, host });
}

/** The client class for a transformer. */
function clientClass(transformer) {
  if (!classes.has(transformer)) classes.set(transformer, newClass(transformer));
  return classes.get(transformer);
}

/** A class in a context with the globals of now, and `window` if there is one. */
function newClass(transformer = 'websockets', window = undefined) {
  if (window) globalThis.window = window;
  try {
    return Primus.createSocket({ transformer, parser: 'json' });
  } finally {
    delete globalThis.window;
  }
}

/** Its module `recovery`, with the timers of now: the client lives in a context of its own. */
async function recovery() {
  return new (newClass())('', { manual: true }).recovery.constructor;
}

module.exports = { name: 'npm', create, recovery };
