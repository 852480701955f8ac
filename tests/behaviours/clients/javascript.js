// AllSpark's client in JavaScript.
'use strict';

const { InProcess } = require('./in-process');

const HOST_EVENTS = ['addEventListener', 'removeEventListener'];

async function create(url, options, settings) {
  const { Primus } = await library();
  const host = options.network ? new EventTarget() : undefined;
  const primus = onHost(host, () => new Primus(url, options));
  return new InProcess(primus, { ...settings, host });
}

/** Has `fn` find a host that tells of its network, as a browser does. */
function onHost(host, fn) {
  if (!host) return fn();
  for (const name of HOST_EVENTS) globalThis[name] = host[name].bind(host);
  try {
    return fn();
  } finally {
    for (const name of HOST_EVENTS) delete globalThis[name];
  }
}

function library() {
  return import('../../../client/js/src/index.js');
}

/** Its module `recovery`, with the timers of whenever it is used. */
async function recovery() {
  return (await import('../../../client/js/src/recovery.js')).Recovery;
}

module.exports = { name: 'javascript', create, recovery };
