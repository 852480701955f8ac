// The server behind the proxies.
'use strict';

const { freePort, startServer } = require('../interop/server');

/** A server for everybody that believes proxies of this machine, and what starts it again. */
async function startAny(t) {
  const port = await freePort();
  const options = {
    app: 'scripted',
    transformer: 'any',
    // As long as a machine may stand still in a test: nobody is lost meanwhile.
    transport: { disconnect_delay: 15_000, sessionTimeoutInterval: 15_000 },
    shards: 2,
    trustedProxies: '127.0.0.1',
    port,
  };
  const server = await startServer(t, options);
  const restart = async () => {
    await server.kill('SIGTERM');
    await startServer(t, options);
  };
  return { server, at: `127.0.0.1:${port}`, restart };
}

module.exports = { startAny };
