// The ways in which a Primus client can reach a server: the transformers, and for those that can do
// without WebSocket the way that is left then.
'use strict';

const { peer } = require('./server');

// By default the client of npm gives each of its ways to connect less than a second, and a session
// that it has given up counts all the same.
const SOCKJS_PATIENT = { timeout: 20_000 };

/**
 * By name: what the `server` is started with, options of the `client`, and which option of the
 * client's `transport` holds further `headers`, if it takes any. `forgets` are options of the
 * server's `transport` with which it soon forgets a session that nobody asks for. A client that is
 * to live may not stand still for so long, as the machine may.
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
    server: { transformer: 'sockjs' },
    forgets: { disconnect_delay: 3_000 },
    client: { websockets: false, transport: SOCKJS_PATIENT },
  },
  'browserchannel': {
    server: { transformer: 'browserchannel' },
    // Also one that was stopped, in case its client is still there.
    forgets: { sessionTimeoutInterval: 2_000 },
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
