// AllSpark's client in JavaScript against the list.
'use strict';

const { run } = require('./matrix');
const javascript = require('./clients/javascript');

run(javascript);
