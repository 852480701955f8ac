// A page with the clients that the packages publish for browsers.
'use strict';

const path = require('node:path');

const PACKAGES = path.join(__dirname, '../node_modules');
const SCRIPTS = {
  '/engine.io.js': path.join(PACKAGES, 'engine.io-client/dist/engine.io.min.js'),
  '/sockjs.js': path.join(PACKAGES, 'sockjs-client/dist/sockjs.min.js'),
  '/browserchannel.js': path.join(PACKAGES, 'browserchannel/dist/bcsocket.js'),
  '/talk.js': path.join(__dirname, 'talk.js'),
};
const PAGE = `<!doctype html>
<html lang="en">
<title>Transports</title>
<link rel="icon" href="data:,">
<body>
${Object.keys(SCRIPTS).map((src) => `<script src="${src}"></script>`).join('\n')}
`;

/** What a site has that serves these clients. */
function packagesAt(url) {
  if (url === '/') return { type: '.html', text: PAGE };
  return Object.hasOwn(SCRIPTS, url) ? { file: SCRIPTS[url] } : null;
}

module.exports = { packagesAt };
