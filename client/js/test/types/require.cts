// `require` gives the class itself.

import Primus = require('allspark-client');

const options: Primus.Options = { manual: true };
const primus: Primus.PrimusClient = new Primus('http://localhost', options);
primus.on('reconnected', (attempt: Primus.Attempt) => attempt.duration);
Primus.connect('http://localhost').end();
// @ts-expect-error It has no member of its own name.
Primus.Primus;
