// A page of a strict site that uses our own library, as a server makes it.
'use strict';

const path = require('node:path');

// How a page gets at the library, by the name of the way.
const WAYS = {
  // A script of the server, which defines a global.
  script: {
    tag: (server) => `<script src="${server.url}/primus/primus.js"></script>`,
    start: () => 'const { Primus } = globalThis;',
  },
  // The script for old browsers, which makes its requests in another way.
  'legacy script': {
    tag: (server) => `<script src="${server.url}/primus/primus.js?legacy"></script>`,
    start: () => 'const { Primus } = globalThis;',
  },
  // A module of the server.
  module: {
    start: (server) => `import Primus from '${server.url}/primus/primus.mjs';`,
  },
};

/** What a site has whose page gets at the library in this way. It trusts nobody but its server. */
function visitorsBy(way) {
  const { tag = () => '', start } = WAYS[way];
  return (url, { upstream: server }) => {
    switch (url) {
      case '/': return { type: '.html', text: page(tag(server)), headers: policyFor(server) };
      case '/start.js': return { text: `${start(server)}\n${START}` };
      case '/visit.js': return { file: path.join(__dirname, 'visit.js') };
      default: return null;
    }
  };
}

const page = (tag) => `<!doctype html>
<html lang="en">
<title>Visitors</title>
<link rel="icon" href="data:,">
<body>
${tag}<script type="module" src="/start.js"></script>
`;

const START = `
import { Visit, forbidden } from '/visit.js';
globalThis.forbidden = forbidden;
globalThis.visit = (url, options) => new Visit(Primus, url, options);
`;

/** Neither scripts in the page, nor text that becomes a script, nor anybody else. */
function policyFor({ url }) {
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${url}`,
    `connect-src ${url} ${url.replace('http', 'ws')}`,
    'img-src data:',
  ];
  return { 'content-security-policy': policy.join('; ') };
}

module.exports = { visitorsBy };
