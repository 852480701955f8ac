// The ways in which a Primus client can reach a server: the transformers, and for those that can do
// without WebSocket the way that is left then.
'use strict';

const { peer } = require('./server');

// By default the client of npm gives each of its ways to connect less than a second, and a session
// that it has given up counts all the same.
const SOCKJS_PATIENT = { timeout: 20_000 };

/**
 * By name: what the `server` is started with, options of the `client`, and which option of the
 * client's `transport` holds further `headers`, if it takes any.
 */
const VARIANTS = {
  'websockets': { server: { transformer: 'websockets' }, headers: 'headers' },
  'websockets compressed': {
    server: { transformer: 'websockets', compression: true },
    headers: 'headers',
  },
  'faye': { server: { transformer: 'faye' }, headers: 'headers' },
  // Its server does not load on a current Node.js. Its clients are those of `websockets`.
  'uws': {
    server: { transformer: 'uws', spokenBy: 'websockets' },
    headers: 'headers',
    onlyAllSpark: true,
  },
  'engine.io': { server: { transformer: 'engine.io' }, headers: 'extraHeaders' },
  'engine.io compressed': {
    server: { transformer: 'engine.io', compression: true },
    headers: 'extraHeaders',
  },
  'engine.io by polling': {
    server: { transformer: 'engine.io' },
    client: { websockets: false },
    headers: 'extraHeaders',
  },
  'sockjs': { server: { transformer: 'sockjs' }, client: { transport: SOCKJS_PATIENT } },
  'sockjs by streaming': {
    // It takes a client for gone when that has not come back for so long, as the machine may not.
    server: { transformer: 'sockjs', transport: { disconnect_delay: 3_000 } },
    client: { websockets: false, transport: SOCKJS_PATIENT },
  },
  'browserchannel': {
    // A session that was stopped is remembered for so long, in case its client is still there.
    server: { transformer: 'browserchannel', transport: { sessionTimeoutInterval: 2_000 } },
    // When the server is gone it asks for an image, by default one on the internet.
    client: { transport: { testImageUri: 'http://127.0.0.1:1/' } },
    headers: 'extraHeaders',
  },
};

/** Those that the server under test can serve: lists of a name and a variant. */
const variants = Object.entries(VARIANTS).filter(
  ([, { onlyAllSpark }]) => peer !== 'node' || !onlyAllSpark,
);

module.exports = { variants };
