// The client of npm: against Node.js Primus it judges the list, against AllSpark the server.
'use strict';

const { run } = require('./matrix');
const npm = require('./clients/npm');

run(npm);
