// AllSpark's client in Rust against the list.
'use strict';

const { run } = require('./matrix');
const rust = require('./clients/rust');

run(rust);
