// Pathnames other than the usual one: each transformer serves the clients that were made for it.
'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');

const { ask, open } = require('./clients');
const { request } = require('./raw');
const { differsFromNode, peer, startServer } = require('./server');
const { variants } = require('./variants');

const onlyAllSpark = peer === 'node' ? { skip: 'Primus on Node.js has no such transformer' } : {};

for (const pathname of ['/api', '/api/', '/a/b.c/', '/api//']) {
  describe(`the pathname ${pathname}`, () => {
    for (const [name, variant] of variants) {
      test(`${name}: a client that was made for it talks`, lost(name, pathname), async (t) => {
        const server = await startServer(t, { ...variant.server, pathname });
        const client = await open(server, variant.client);
        assert.equal(await ask(client, name), name);
      });
    }

    test('any: so do the clients of all', onlyAllSpark, async (t) => {
      const server = await startServer(t, { transformer: 'any', pathname });
      for (const [name, { server: { transformer, spokenBy = transformer }, client }] of variants) {
        assert.equal(await ask(await open(server, { ...client, spokenBy }), name), name);
      }
    });
  });
}

/** Whether npm's own client does not find npm's server. */
function lost(name, pathname) {
  const differs = pathname.endsWith('/') && /^(sockjs|browserchannel)/.test(name);
  return differs ? differsFromNode('client and server do not join the path in the same way') : {};
}

test('any: what sockjs and browserchannel alone know is theirs', onlyAllSpark, async (t) => {
  const server = await startServer(t, { transformer: 'any', pathname: '/api/' });
  const asked = [
    ['POST', '/api/0/s/xhr', 200, /^o\n$/],
    ['POST', '/api/0/s.s/xhr', 404, /^404/],
    ['GET', '/api/info', 200, /"websocket":true/],
    ['GET', '/api/info/', 200, /"websocket":true/],
    ['POST', '/api/chunking_test', 200, /^h\n/],
    ['GET', '/api/iframe.html/', 200, /SockJS/],
    ['GET', '/api/test?VER=8&MODE=init', 200, /^\[null,null\]$/],
    ['GET', '/api', 426, /^Upgrade Required$/],
  ];
  for (const [method, path, status, body] of asked) {
    const answer = await request(server, method, path);
    assert.equal(answer.status, status, path);
    assert.match(answer.body, body, path);
  }
});
